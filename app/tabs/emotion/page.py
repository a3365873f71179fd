"""What the three pages of the emotion tab have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app import theme
from app.i18n import tr
from app.widgets.labels import Hint

if TYPE_CHECKING:
    from app.tabs.emotion.tab import EmotionTab


def emotion_words(label: str) -> str:
    """An emotion in the person's language; labels of other models as they are."""
    words = {
        "angry": tr("angry"),
        "happy": tr("happy"),
        "neutral": tr("neutral"),
        "sad": tr("sad"),
        "fear": tr("fear"),
        "disgust": tr("disgust"),
        "surprise": tr("surprise"),
        "boredom": tr("boredom"),
        "calm": tr("calm"),
        "excited": tr("excited"),
        "frustrated": tr("frustrated"),
    }
    return words.get(label, label)


def emotion_color(label: str, number: int = 0) -> str:
    """The emotion's colour, the same everywhere; other labels take the categories in turn."""
    others = [color for color in theme.CATEGORIES if color not in theme.EMOTIONS.values()]
    return theme.EMOTIONS.get(label) or others[number % len(others)]


class Page(QWidget):
    """One page: its controls for the Source column (`source`), its view (itself), what its button does."""

    def __init__(self, tab: EmotionTab) -> None:
        super().__init__()
        self.tab = tab
        self.services = tab.services
        self.source = QWidget()
        self.controls = QVBoxLayout(self.source)
        self.controls.setContentsMargins(0, 0, 0, 0)
        self.controls.setSpacing(theme.SMALL)
        self.controls.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.view = QVBoxLayout(self)
        self.view.setContentsMargins(0, 0, 0, 0)
        self.view.setSpacing(theme.SMALL)

    def sample_link(self, text: str) -> Hint:
        """``No microphone? <a>Try the sample</a>``: the link calls `try_sample`."""
        hint = Hint(f'{text} <a href="sample">{tr("Try the sample")}</a>'.strip())
        hint.linkActivated.connect(lambda _link: self.try_sample())
        self.controls.addWidget(hint)
        return hint

    def words(self) -> str:
        """What the primary button says."""
        raise NotImplementedError(type(self).__name__)

    def ready(self) -> bool:
        """Whether the primary button can be pressed."""
        return True

    def act(self) -> None:
        """The primary button."""

    def stop(self) -> None:
        """Stop, beyond cancelling what is busy."""

    def try_sample(self) -> None:
        """The clips that ship."""

    def accept_paths(self, paths: list[Path]) -> None:
        """Files and folders."""

    def model_changed(self) -> None:
        """Another model was chosen."""

    def export_actions(self) -> list[QAction]:
        return []

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Of an earlier start."""

    def shown(self) -> None:
        """The page came to the front."""

    def hidden(self) -> None:
        """The page went to the back."""

    async def shut_down(self) -> None:
        """The window closes."""
