"""From where models are downloaded, and where they are kept."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import tr
from app.settings import Settings, set_offline
from app.widgets.labels import Hint
from models.errors import UserError
from models.hub import sources


class SourcesPage(QWidget):
    """Each change is kept when it is made. refused: a UserError, and what was there is shown again."""

    refused = Signal(object)
    changed = Signal()

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, theme.MEDIUM, 0, 0)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(theme.MEDIUM)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        layout.addLayout(self._grid)
        layout.addStretch(1)
        self.provider = QComboBox()
        self.provider.addItem("Hugging Face", sources.HUGGING_FACE)
        self.provider.addItem("ModelScope (魔搭)", sources.MODELSCOPE)
        self.provider.activated.connect(
            lambda _index: self._set(provider=self.provider.currentData(), endpoint="")
        )
        self._row(tr("Hub"), self.provider, tr("ModelScope is quick in mainland China."))
        self.endpoint = self._field("endpoint")
        self._row(tr("Mirror"), self.endpoint, tr("The address of a mirror of the hub; empty for its own."))
        self.folder = self._field("folder")
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        browse = QPushButton("…")
        browse.setProperty("kind", "small")
        browse.setAccessibleName(tr("Choose a folder"))
        browse.setToolTip(tr("Choose a folder"))
        browse.setAutoDefault(False)
        browse.clicked.connect(self._browse)
        row.addWidget(self.folder, 1)
        row.addWidget(browse)
        self._row(tr("Models folder"), box, tr("Where downloaded and imported models are kept."), self.folder)
        self.proxy = self._field("proxy")
        self.proxy.setPlaceholderText("http://127.0.0.1:7890")
        self._row(tr("Proxy"), self.proxy, tr("Empty for the one that the system has."))
        self.offline = QCheckBox(tr("Work offline"))
        self.offline.clicked.connect(self._set_offline)
        self._row("", self.offline, tr("Nothing is downloaded; models come from this machine."))
        self.offline.setAccessibleName(tr("Work offline"))
        self.show_stored()

    def _field(self, name: str) -> QLineEdit:
        field = QLineEdit()
        field.editingFinished.connect(lambda: self._set(**{name: field.text().strip()}))
        return field

    def _row(self, words: str, widget: QWidget, hint: str, control: QWidget | None = None) -> None:
        line = self._grid.rowCount()
        label = QLabel(words)
        label.setBuddy(control or widget)
        (control or widget).setAccessibleName(words)
        (control or widget).setToolTip(hint)
        self._grid.addWidget(label, line, 0)
        self._grid.addWidget(widget, line, 1)
        self._grid.addWidget(Hint(hint), line + 1, 1)
        self._grid.setRowMinimumHeight(line + 1, 26)

    def show_stored(self) -> None:
        """What is chosen now."""
        chosen = sources.stored()
        self.provider.setCurrentIndex(self.provider.findData(chosen.provider))
        self.endpoint.setText(chosen.endpoint)
        self.endpoint.setPlaceholderText(sources.Sources(chosen.provider).address)
        self.folder.setText(chosen.folder)
        self.folder.setPlaceholderText(str(sources.Sources().models))
        self.proxy.setText(chosen.proxy)
        self.offline.setChecked(self._settings.offline)

    def _set(self, **values: str) -> None:
        stored = sources.stored()
        if all(getattr(stored, name) == value for name, value in values.items()):
            return
        try:
            sources.change(**values)
        except UserError as error:
            self.refused.emit(error)
        else:
            self.changed.emit()
        self.show_stored()

    def _set_offline(self, on: bool) -> None:
        set_offline(self._settings, on)
        self.changed.emit()

    def _browse(self) -> None:
        name = QFileDialog.getExistingDirectory(self, tr("Choose a folder"), str(sources.stored().models))
        if name:
            self._set(folder=name)
