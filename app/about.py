"""Help: about with licences and notices, the shortcuts, and a window for a text."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.errors import machine
from app.help import Help, Rows
from app.i18n import tr
from app.widgets.labels import Caption
from models.resources import resource


class TextWindow(QDialog):
    """A text to read, select and copy."""

    def __init__(self, title: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.resize(680, 460)
        layout = _column(self)
        self.text = _reader(text, title)
        layout.addWidget(self.text, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = buttons.addButton(tr("Copy"), QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QApplication.clipboard().setText(text))
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)


class ShortcutsWindow(QDialog):
    """What the tab in front is for and its keys; every action that has a shortcut; the keys that all views share."""

    def __init__(
        self, actions: Sequence[QAction], title: str, about: Help, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Help: {title}", title=title))
        layout = _column(self)
        self.about = about
        for line in about.lines:
            words = QLabel(line)
            words.setWordWrap(True)
            layout.addWidget(words)
        layout.addSpacing(theme.SMALL)
        layout.addWidget(Caption(title))
        layout.addLayout(_table_of_keys(about.keys))
        layout.addSpacing(theme.SMALL)
        layout.addWidget(Caption(tr("Everywhere")))
        native = QKeySequence.SequenceFormat.NativeText
        rows = [
            (action.text().replace("&", ""), "  ".join(key.toString(native) for key in action.shortcuts()))
            for action in actions
            if action.shortcuts()
        ]
        rows += [
            (tr("Next control"), "Tab"),
            (tr("Reset a plot"), tr("double-click")),
            (tr("Export a plot"), tr("right-click")),
            (tr("Dismiss a message"), "Esc"),
        ]
        self.rows = rows
        layout.addLayout(_table_of_keys(rows))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)


def _table_of_keys(rows: Rows) -> QGridLayout:
    """Two columns of (what it does, the key)."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(theme.LARGE)
    grid.setVerticalSpacing(6)
    half = (len(rows) + 1) // 2
    for index, (words, keys) in enumerate(rows):
        line, column = index % half, 2 * (index // half)
        key = QLabel(keys)
        key.setProperty("role", "hint")
        grid.addWidget(QLabel(words), line, column)
        grid.addWidget(key, line, column + 1)
    grid.setColumnStretch(3, 1)
    return grid


class AboutWindow(QDialog):
    """Name, version, machine, and the licence texts of what Polyphony is made with."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("About Polyphony"))
        self.resize(900, 520)  # lines of a licence are 80 letters long
        layout = _column(self)
        heading = QLabel("Polyphony")
        heading.setProperty("role", "big")
        layout.addWidget(heading)
        words = QLabel(
            tr(
                "A studio for speech emotion, speech separation, ReverberationNet, EEG decoding and image search."
            )
        )
        words.setWordWrap(True)
        layout.addWidget(words)
        details = QLabel(machine())
        details.setProperty("role", "hint")
        details.setWordWrap(True)
        details.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout.addWidget(details)
        self._texts = notices()
        row = QHBoxLayout()
        self.names = QListWidget()
        self.names.setFixedWidth(160)
        self.names.setAccessibleName(tr("Licences and notices"))
        self.names.addItems(list(self._texts))
        self.text = _reader("", tr("Licence text"))
        self.names.currentTextChanged.connect(lambda name: self.text.setPlainText(self._texts.get(name, "")))
        row.addWidget(self.names)
        row.addWidget(self.text, 1)
        layout.addLayout(row, 1)
        self.names.setCurrentRow(0)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)


def notices() -> dict[str, str]:
    """Name → text of every licence that ships; Polyphony's own first."""
    result: dict[str, str] = {}
    own = _own_licence()
    files = [own] if own is not None else []
    files += sorted(
        path for path in resource("notices").glob("**/*") if path.is_file() and path.suffix != ".py"
    )
    names = {"NOTICES": tr("What it is made with")}
    for path in files:
        try:
            name = tr("Polyphony (MIT)") if path == own else names.get(path.stem, path.stem)
            result[name] = path.read_text("utf-8", "replace")
        except OSError as error:
            result[path.stem] = str(error)
    return result


def _own_licence() -> Path | None:
    """Polyphony's own licence: in the source tree and the built program, or as pip has put it beside the package."""
    beside = resource().parent / "LICENSE"
    if beside.is_file():
        return beside
    try:
        installed = metadata.files("polyphony") or []
    except metadata.PackageNotFoundError:
        return None
    licences = [Path(str(path.locate())) for path in installed if path.name == "LICENSE"]
    return licences[0] if licences else None


def _column(dialog: QDialog) -> QVBoxLayout:
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(theme.LARGE, theme.LARGE, theme.LARGE, theme.MEDIUM)
    layout.setSpacing(theme.SMALL)
    return layout


def _reader(text: str, name: str) -> QPlainTextEdit:
    reader = QPlainTextEdit(text)
    reader.setReadOnly(True)
    reader.setFont(theme.fixed_font())
    reader.setAccessibleName(name)
    reader.setTabChangesFocus(True)
    return reader
