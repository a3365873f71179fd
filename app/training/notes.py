"""What a person keeps about a run: notes and tags; beside them its group, what it varies, and its size on the disk."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from app import theme
from app.i18n import tr, translate
from app.training.watched import WatchedRun
from app.training.words import bytes_words

SAVE_MS = 600


class Notes(QWidget):
    """Saved by itself a moment after typing, and when another run is chosen."""

    def __init__(self) -> None:
        super().__init__()
        self._run: WatchedRun | None = None
        self._filling = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.MEDIUM, theme.MEDIUM, theme.MEDIUM, theme.SMALL)
        layout.setSpacing(theme.TINY)
        row = QHBoxLayout()
        self.tags = QLineEdit()
        self.tags.setAccessibleName(tr("Tags"))
        self.tags.setToolTip(tr("Words with commas between"))
        self.tags.setPlaceholderText(tr("tags, with commas between"))
        self.group = QLineEdit()
        self.group.setAccessibleName(tr("Group"))
        self.group.setToolTip(tr("Runs of one group are drawn as mean and spread"))
        self.group.setPlaceholderText(tr("group"))
        row.addWidget(self.tags, 2)
        row.addWidget(self.group, 1)
        layout.addLayout(row)
        self.text = QPlainTextEdit()
        self.text.setAccessibleName(tr("Notes"))
        self.text.setPlaceholderText(tr("Notes about this run"))
        self.text.setTabChangesFocus(True)
        layout.addWidget(self.text, 1)
        self.facts = QLabel()
        self.facts.setProperty("role", "hint")
        self.facts.setWordWrap(True)
        self.facts.setTextFormat(Qt.TextFormat.PlainText)
        layout.addWidget(self.facts)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SAVE_MS)
        self._timer.timeout.connect(self.save)
        self.tags.textEdited.connect(lambda _text: self._timer.start())
        self.group.textEdited.connect(lambda _text: self._timer.start())
        self.text.textChanged.connect(lambda: None if self._filling else self._timer.start())

    def show_run(self, run: WatchedRun | None) -> None:
        """Another run is chosen, or none."""
        if run is self._run:
            return
        self.save()
        self._run = run
        self.setEnabled(run is not None)
        if run is None:
            return
        self._filling = True
        about = run.about
        self.tags.setText(", ".join(about.get("tags", [])))
        self.group.setText(run.group)
        self.text.setPlainText(str(about.get("notes", run.config.get("notes", ""))))
        self._filling = False
        variant = about.get("variant") or {}
        facts = [tr("{size} on the disk", size=bytes_words(run.run.disk_bytes()))]
        if variant.get("of"):
            facts.append(
                tr(
                    "variant of {name}: {words}",
                    name=variant["of"],
                    words=translate(str(variant.get("words", ""))),
                )
            )
        elif variant.get("words"):
            facts.append(str(variant["words"]))
        if run.story.started is not None and run.story.started.host:
            facts.append(tr("trained on {host}", host=run.story.started.host))
        self.facts.setText(" · ".join(facts))

    def save(self) -> None:
        """Write what was typed, if anything was."""
        self._timer.stop()
        run = self._run
        if run is None:
            return
        tags = [tag.strip() for tag in self.tags.text().split(",") if tag.strip()]
        values = {
            "tags": tags or None,
            "group": self.group.text().strip() or None,
            "notes": self.text.toPlainText(),
        }
        before = {name: run.about.get(name) for name in values}
        before["notes"] = run.about.get("notes", run.config.get("notes", ""))
        if values != before and run.path.is_dir():
            run.keep_about(**values)

    def hideEvent(self, event: QHideEvent) -> None:
        self.save()
        super().hideEvent(event)
