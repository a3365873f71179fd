"""The one plan of every tab: source, model, the button and settings at the left; the view; details at the right."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QResizeEvent, QUndoStack
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import tr, translate
from app.services import Services
from app.settings import Key
from app.widgets.drop_zone import DropZone, without_workspace
from app.widgets.labels import Caption
from app.widgets.message_bar import Action, Level, Message, MessageBar
from app.widgets.section import Fold, Section
from models.errors import UserError
from models.progress import Cancelled, Progress
from models.remarks import Remark

LEFT_WIDTH = 300
BAR_WIDTH = 10  # px of a scroll bar, as in the style sheet
ROOMY_PX = 1200  # from here on the details may be as wide as they ask for
DETAILS_WIDTH, WIDEST_DETAILS = 250, 360
DETAILS_SHARE = 0.16  # of a wide window


class Tab(QWidget):
    """Fill `source`, `model`, `options`, `view` (a vertical layout) and, where wanted, `details`.

    The primary button says what will happen (`set_action`), calls `act`, and is Stop while `busy` is open.
    """

    system = ""
    open_title = ""  # the file dialog's caption; empty: this tab opens no files
    open_filter = ""  # such as "Sound (*.wav *.flac)"; all files may be chosen besides

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.services = services
        self.undo_stack = QUndoStack(self)
        self._busy: list[Progress] = []
        self._action_text = ""
        self._details_least = DETAILS_WIDTH
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._make_left())
        row.addWidget(self._make_view(), 1)
        self._details_frame = self._make_details()
        row.addWidget(self._details_frame)
        self.setProperty("surface", "view")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    def hasHeightForWidth(self) -> bool:
        """No: the window would take the height that is preferred at a width for the least, and scroll too soon."""
        return False

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_details()

    # What a tab says about itself -------------------------------------------------------------------------

    def act(self) -> None:
        """The primary button was pressed. Override."""

    def stop(self) -> None:
        """Stop was pressed: cancels what `busy` is open for. Override to do more, and call this."""
        for progress in list(self._busy):
            progress.cancel()

    def file_filter(self) -> str:
        """What the file dialog offers besides all files, translated."""
        return tr(self.open_filter) if self.open_filter else ""

    def accept_paths(self, paths: list[Path]) -> None:
        """Files and folders, dropped, opened or recent. Override; the default says that it takes none."""
        self.show_message("hint", tr("This tab opens no files."), key="paths")

    def receive(self, payload: object) -> None:
        """Something another tab sent. Override; the default says that it cannot be used here."""
        self.show_message("hint", tr("What was sent cannot be used here."), key="paths")

    def take_answer(self, payload: object) -> None:
        """What became of something that went to another tab. Override where it can be shown."""

    def use_checkpoint(self, path: Path) -> None:
        """The dock's "Use best checkpoint" for a run of this system. Override."""
        self.show_message("hint", tr("This tab cannot load checkpoints."), key="paths")

    def choose_model(self, name: str) -> None:
        """The model manager's "Use" for a model of this system: its name on the hub, or what it was imported as. Override."""
        self.use_checkpoint(Path(name))

    def export_actions(self) -> list[QAction]:
        """What can be exported now, for File › Export; disabled actions show what could be. Override."""
        return []

    def state(self) -> dict[str, Any]:
        """What to remember until the next start, plain values only. Override."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """The `state` of an earlier start, perhaps of another version: take what makes sense. Override."""

    def shown(self) -> None:
        """The tab came to the front. Override to start timers."""

    def hidden(self) -> None:
        """Another tab came to the front, or the window closes. Override to stop timers."""

    async def shut_down(self) -> None:
        """The window closes: let go of devices and files within a second. Override."""

    # What a tab can do ------------------------------------------------------------------------------------

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine whose UserErrors are shown here, other errors in the crash dialog."""
        return self.services.start(work, self)

    def show_error(self, error: BaseException, actions: list[Action] | None = None) -> None:
        """A UserError becomes a message of this view; anything else goes to the crash dialog."""
        if isinstance(error, Cancelled):
            return
        if isinstance(error, UserError):
            self.messages.show_error(error, actions)
        else:
            self.services.errors.report(error)

    def show_message(
        self,
        level: Level,
        text: str,
        actions: list[Action] | None = None,
        *,
        heading: str = "",
        key: str = "",
    ) -> Message:
        """A message at the top of the view. `actions`: (words, function); one of the same key is replaced."""
        return self.messages.show_message(level, text, actions, heading=heading, key=key)

    def show_remarks(self, remarks: Iterable[Remark], *, key: str) -> None:
        """What a person should know of a result, in their language; nothing where there is nothing to say."""
        sentences = list(dict.fromkeys(remark.translated(translate) for remark in remarks))
        if sentences:
            self.show_message("warning", " ".join(sentences), key=key)

    def clear_messages(self, key: str | None = None) -> None:
        """Take the message of that key away, or all of them."""
        self.messages.clear(key)

    def set_action(self, text: str, tooltip: str = "", enabled: bool = True) -> None:
        """What the primary button will do: ``Start listening``."""
        self._action_text = text
        self.primary.setToolTip(tooltip or text)
        self._enabled = enabled
        self._name_primary()

    def set_status(self, text: str) -> None:
        """This tab's part of the status line."""
        self.services.set_status(self.system, text)

    def busy(self, progress: Progress) -> _Busy:
        """``with self.busy(task):`` turns the primary button into Stop, which cancels `progress`."""
        return _Busy(self, progress)

    @property
    def is_busy(self) -> bool:
        return bool(self._busy)

    def add_bottom(self, widget: QWidget) -> QWidget:
        """A button at the foot of the left column, such as ``Send to Emotion``."""
        self._bottom.addWidget(widget)
        return widget

    def add_section(self, title: str) -> Section:
        """Another group in the left column, below the settings."""
        section = Section(title)
        self._column.insertWidget(self._column.count() - 2, section)
        return section

    def show_details(self, shown: bool = True, title: str = "", least_px: int = DETAILS_WIDTH) -> None:
        """Open or close the panel at the right; a person can close it, too. least_px: how wide what is in it should be."""
        if title:
            self._details_caption.setText(title)
            self._details_least = least_px
            self._fit_details()
        self._details_frame.setVisible(shown)

    def choose_files(self) -> None:
        """Ask for files, then `accept_paths`."""
        if not self.open_title:
            self.accept_paths([])
            return
        every = tr("All files (*)")
        filters = ";;".join(part for part in (self.file_filter(), every) if part)
        names, _ = QFileDialog.getOpenFileNames(self, tr(self.open_title), self._last_folder(), filters)
        self._take([Path(name) for name in names])

    def choose_folder(self) -> None:
        """Ask for a folder, then `accept_paths`."""
        name = QFileDialog.getExistingDirectory(self, tr("Open folder"), self._last_folder())
        self._take([Path(name)] if name else [])

    def takes_from(self, zone: DropZone, folders: bool = False) -> None:
        """What is dropped on a zone is taken as what is dropped on the window; pressed, it asks for files, or for a folder."""
        zone.dropped.connect(self._take)
        zone.clicked.connect(self.choose_folder if folders else self.choose_files)

    def remember(self) -> None:
        """Keep `state` for the next start."""
        self.services.settings.set_plain(Key.TABS, self.state(), self.system)

    # Inside -----------------------------------------------------------------------------------------------

    def _fit_details(self) -> None:
        least = self._details_least if self.width() >= ROOMY_PX else DETAILS_WIDTH
        share = round(DETAILS_SHARE * self.width())
        self._details_frame.setFixedWidth(min(max(least, share), WIDEST_DETAILS))

    def _make_left(self) -> QWidget:
        scroll = QScrollArea()
        scroll.setFixedWidth(LEFT_WIDTH)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        frame = QFrame()
        frame.setProperty("surface", "page")
        frame.setProperty("line", "right")
        self._column = QVBoxLayout(frame)
        self._column.setContentsMargins(theme.MEDIUM, theme.MEDIUM, theme.MEDIUM, theme.MEDIUM)
        self._column.setSpacing(theme.MEDIUM)
        self.source = Section(tr("Source"))
        self.model = Section(tr("Model"))
        self.primary = QPushButton()
        self.primary.setProperty("kind", "primary")
        self.primary.clicked.connect(self._press)
        self._enabled = True
        self.options = Fold(tr("Settings"))
        self._bottom = QVBoxLayout()
        self._bottom.setSpacing(theme.SMALL)
        for widget in (self.source, self.model, self.primary, self.options):
            self._column.addWidget(widget)
        self._column.addStretch(1)
        self._column.addLayout(self._bottom)
        scroll.setWidget(frame)
        scroll.verticalScrollBar().rangeChanged.connect(self._keep_width)
        return scroll

    def _keep_width(self, _least: int, most: int) -> None:
        """The bar of the left column lies in its margin: what is in it is as wide with one as without."""
        right = theme.MEDIUM - (BAR_WIDTH if most > 0 else 0)
        self._column.setContentsMargins(theme.MEDIUM, theme.MEDIUM, right, theme.MEDIUM)

    def _make_view(self) -> QWidget:
        area = QWidget()
        area.setProperty("surface", "view")
        area.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        layout = QVBoxLayout(area)
        layout.setContentsMargins(theme.MEDIUM, theme.MEDIUM, theme.MEDIUM, theme.MEDIUM)
        layout.setSpacing(theme.SMALL)
        self.messages = MessageBar()
        layout.addWidget(self.messages)
        self.view = QVBoxLayout()
        self.view.setSpacing(theme.SMALL)
        layout.addLayout(self.view, 1)
        return area

    def _make_details(self) -> QFrame:
        frame = QFrame()
        frame.setProperty("surface", "page")
        frame.setProperty("line", "left")
        frame.setFixedWidth(DETAILS_WIDTH)  # until the tab knows its own
        layout = QVBoxLayout(frame)
        layout.setContentsMargins(theme.MEDIUM, theme.MEDIUM, theme.MEDIUM, theme.MEDIUM)
        layout.setSpacing(theme.SMALL)
        head = QHBoxLayout()
        self._details_caption = Caption(tr("Details"))
        close = QToolButton()
        close.setText("✕")
        close.setToolTip(tr("Close the details"))
        close.setAccessibleName(tr("Close the details"))
        close.setFixedSize(QSize(24, 24))
        close.clicked.connect(lambda: self.show_details(False))
        head.addWidget(self._details_caption, 1)
        head.addWidget(close)
        layout.addLayout(head)
        self.details = QVBoxLayout()
        self.details.setSpacing(theme.SMALL)
        layout.addLayout(self.details, 1)
        frame.hide()
        return frame

    def _press(self) -> None:
        if self._busy:
            self.stop()
        else:
            self.act()

    def _name_primary(self) -> None:
        words = tr("Stop") if self._busy else self._action_text
        self.primary.setText(f"■ {words}" if self._busy else words)
        self.primary.setAccessibleName(words.removeprefix("■ "))
        self.primary.setEnabled(self._enabled or bool(self._busy))
        self.primary.setVisible(bool(words))

    def _last_folder(self) -> str:
        return self.services.settings.text(Key.LAST_FOLDER)

    def _take(self, paths: list[Path]) -> None:
        if not paths:
            return
        self.services.settings.set(Key.LAST_FOLDER, str(paths[0].parent))
        paths = without_workspace(paths)
        if paths:
            self.services.add_recent(paths)
            self.accept_paths(paths)


class _Busy:
    """While it is open the primary button reads Stop."""

    def __init__(self, tab: Tab, progress: Progress) -> None:
        self._tab, self._progress = tab, progress

    def __enter__(self) -> Progress:
        self._tab._busy.append(self._progress)
        self._tab._name_primary()
        return self._progress

    def __exit__(self, *_error: object) -> None:
        self._tab._busy.remove(self._progress)
        self._tab._name_primary()
