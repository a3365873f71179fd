"""The page of a system that is not built yet: says so, and what it will do."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout

from app import theme
from app.i18n import tr
from app.services import Services
from app.tabs.base import Tab
from app.widgets.labels import Dot


def promise(system: str) -> list[str]:
    """What the system will do, a sentence each."""
    return {
        "separation": [
            tr("Takes a recording in which people talk at once and gives each speaker a track of their own."),
            tr("Tracks can be heard, soloed, exported, and sent to Emotion or EEG."),
        ],
        "reverberation": [
            tr("Shows how a network of specialised modules routes what it is given, gate by gate."),
            tr("Modules can be muted to see what the result owes to them."),
        ],
        "eeg": [
            tr("Reconstructs the envelope of the speech a person listened to from their EEG."),
            tr("Tells which of several speakers was attended to, with the chance level beside it."),
        ],
        "search": [
            tr("Finds pictures by words, by another picture, or by more and less of what was found."),
            tr("Indexes folders of your own and compares short codes of a few bytes."),
        ],
    }.get(system, [])


class NotBuiltTab(Tab):
    """An honest page: no control that does nothing."""

    def __init__(self, services: Services, system: str, title: str) -> None:
        super().__init__(services)
        self.system = system
        self.source.hide()
        self.model.hide()
        self.options.hide()
        self.set_action("")
        box = QVBoxLayout()
        box.setSpacing(theme.SMALL)
        box.addStretch(2)
        dot = Dot(theme.SYSTEMS.get(system, theme.GREY), 14)
        box.addWidget(dot, 0, Qt.AlignmentFlag.AlignHCenter)
        heading = QLabel(tr("{title} is not built yet", title=title))
        heading.setProperty("role", "title")
        heading.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        box.addWidget(heading)
        for sentence in promise(system):
            words = QLabel(sentence)
            words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            words.setWordWrap(True)
            box.addWidget(words)
        later = QLabel(tr("It comes with a later version. The other tabs work without it."))
        later.setProperty("role", "hint")
        later.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        box.addWidget(later)
        box.addStretch(3)
        self.view.addLayout(box)


class BrokenTab(Tab):
    """In the place of a tab that could not be opened, so that the others can be used."""

    def __init__(self, services: Services, system: str) -> None:
        super().__init__(services)
        self.system = system
        for widget in (self.source, self.model, self.options):
            widget.hide()
        self.set_action("")
        self.view.addStretch(1)
        self.show_message(
            "error",
            tr("The details are in the crash report. The other tabs can be used."),
            heading=tr("This tab could not be opened."),
        )
