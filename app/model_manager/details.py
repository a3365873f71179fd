"""What there is to be known of one model, and what can be done with it."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app import systems, theme
from app.i18n import series, tr, translate
from app.model_manager.shelf_state import Row
from app.services import ShownProgress
from app.training.words import bytes_words
from app.widgets.labels import Caption, Elided, Hint
from app.widgets.plain import markup, plain_label
from app.widgets.scrolled import ScrolledColumn

PARTS = 1000  # of a bar
ACTIONS = ("use", "download", "cancel", "measure", "verify", "remove")


class Details(QWidget):
    """The right side of the manager. asked: what is wanted of the model that is shown, one of `ACTIONS`."""

    asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.row: Row | None = None
        self._told: Row | None = None  # whose facts are shown
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.SMALL)
        self.title = plain_label(role="title")
        self.title.setWordWrap(True)
        self.name = plain_label(role="hint")
        self.name.setWordWrap(True)
        self.name.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout.addWidget(self.title)
        layout.addWidget(self.name)
        layout.addWidget(self._scrolled(), 1)
        self.agree = QCheckBox(tr("I have read the terms and agree"))
        self.agree.setToolTip(tr("It is downloaded only then"))
        self.agree.toggled.connect(lambda _on: self._enable())
        layout.addWidget(self.agree)
        self.step = plain_label(role="hint")
        self.bar = QProgressBar()
        self.bar.setRange(0, PARTS)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(tr("How far it is"))
        layout.addWidget(self.step)
        layout.addWidget(self.bar)
        layout.addLayout(self._buttons())

    def _scrolled(self) -> ScrolledColumn:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, theme.SMALL, theme.SMALL, 0)
        column.setSpacing(theme.SMALL)
        self._facts = QGridLayout()
        self._facts.setHorizontalSpacing(theme.MEDIUM)
        self._facts.setVerticalSpacing(4)
        self._facts.setColumnStretch(1, 1)
        column.addLayout(self._facts)
        self.terms_head, self.terms = Caption(tr("Terms")), Hint()
        self.tried_head, self.tried = Caption(tr("Tried")), Hint()
        for widget in (self.terms_head, self.terms, self.tried_head, self.tried):
            column.addWidget(widget)
        column.addStretch(1)
        area = ScrolledColumn()
        area.setAccessibleName(tr("What is known of the model"))
        area.setWidget(inner)
        return area

    def _buttons(self) -> QHBoxLayout:
        words = {
            "use": (tr("Use"), tr("Choose it in its tab")),
            "download": (tr("Download"), tr("Fetch it from the hub; goes on where it stopped")),
            "cancel": (tr("Cancel"), tr("Stop; what has come is kept")),
            "measure": (tr("Measure"), tr("How quick it is on this machine")),
            "verify": (tr("Verify"), tr("Hold its files to their checksums")),
            "remove": (tr("Delete…"), tr("Take it off the disk")),
        }
        row = QHBoxLayout()
        row.setSpacing(theme.SMALL)
        self.buttons: dict[str, QPushButton] = {}
        for action, (title, hint) in words.items():
            button = QPushButton(title)
            button.setProperty("kind", "primary" if action in ("use", "download") else "small")
            button.setToolTip(hint)
            button.setAutoDefault(False)
            button.clicked.connect(lambda _checked=False, action=action: self.asked.emit(action))
            self.buttons[action] = button
            row.addWidget(button)
        row.addStretch(1)
        return row

    # What is shown ----------------------------------------------------------------------------------------

    def show_row(self, row: Row | None, task: ShownProgress | None) -> None:
        """Another model, or the same with something under way or over."""
        if row is None or self.row is None or row.name != self.row.name:
            self.agree.setChecked(False)
        self.row = row
        self.title.setText(row.title if row else tr("Choose a model in the list."))
        self.name.setText(row.name if row else "")
        if row != self._told:
            self._told = row
            self._show_facts(row)
        terms = (translate(row.entry.terms) if row.entry and row.entry.terms else "") if row else ""
        terms = markup(terms)
        if row is not None and row.restricted:
            terms = f"<b>⚠ {markup(tr('Not for commercial use.'))}</b> {terms}"
        self.terms.setText(terms)
        tried = translate(row.entry.tried) if row and row.entry else ""
        self.tried.setText(tried)
        for head, text in ((self.terms_head, terms), (self.tried_head, tried)):
            head.setVisible(bool(text))
        self.agree.setVisible(bool(row and row.restricted and row.model is None and task is None))
        self.show_task(task)

    def show_task(self, task: ShownProgress | None) -> None:
        """What is under way with it, with the time that is left; None where nothing is."""
        self.bar.setVisible(task is not None)
        self.step.setVisible(task is not None)
        if task is not None:
            self.step.setText(_step_words(task))
            self.bar.setValue(round(PARTS * task.step.fraction))
        self._enable(task)

    def _enable(self, task: ShownProgress | None = None) -> None:
        row = self.row
        here = row is not None and row.model is not None
        own = here and row is not None and row.model is not None and not row.model.foreign
        shown = {
            "use": here and bool(row and row.system),
            "download": row is not None and not here,
            "cancel": False,
            "measure": here and bool(row and row.system in ("emotion", "separation", "search")),
            "verify": own,
            "remove": own,
        }
        if task is not None:
            shown = dict.fromkeys(ACTIONS, False) | {"cancel": True}
        for action, button in self.buttons.items():
            button.setVisible(shown[action])
        self.buttons["download"].setEnabled(not (row and row.restricted) or self.agree.isChecked())

    def _show_facts(self, row: Row | None) -> None:
        while (item := self._facts.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for line, (words, value) in enumerate(_facts(row) if row is not None else []):
            label = QLabel(words)
            label.setProperty("role", "hint")
            shown = Elided(value, mode=Qt.TextElideMode.ElideMiddle)
            self._facts.addWidget(label, line, 0)
            self._facts.addWidget(shown, line, 1)


def _facts(row: Row) -> list[tuple[str, str]]:
    """(what, its value) in the order in which they are read."""
    entry, model = row.entry, row.model
    languages = [language_words(code) for code in entry.languages] if entry is not None else []
    revision = (model.revision if model else "") or (entry.revision if entry else "")
    facts = [
        (tr("For"), systems.entry(row.system).title() if row.system else tr("not known")),
        (tr("Licence"), row.licence or tr("not said")),
        (tr("Languages"), series(languages)),
        (tr("Size"), bytes_words(row.size)),
        (tr("Version"), revision[:12]),
        (tr("Speed here"), row.speed or (tr("not measured") if model else "")),
        (tr("Kept in"), str(model.folder) if model else ""),
        (tr("From"), model.source if model else (entry.url if entry else "")),
        (tr("Since"), time.strftime("%Y-%m-%d", time.localtime(model.kept)) if model and model.kept else ""),
    ]
    return [(words, value) for words, value in facts if value]


def language_words(code: str) -> str:
    """``en`` and its like for people."""
    return {"en": tr("English"), "zh": tr("Chinese"), "many": tr("many languages")}.get(code, code)


def _step_words(task: ShownProgress) -> str:
    """What it does, how quick, how long it will take."""
    text = task.text()
    seconds = time.monotonic() - task.began
    if task.step.total and task.step.done and seconds > 1:
        left = seconds * (1 / max(task.step.fraction, 1e-3) - 1)
        words = (
            tr("{minutes} min left", minutes=round(left / 60))
            if left > 90
            else tr("{seconds} s left", seconds=round(left))
        )
        return f"{text} · {words}"
    return text
