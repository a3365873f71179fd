"""A figure on a card: its name, the value, and a word about it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app import theme
from app.glossary import meaning
from app.widgets.labels import Elided


class FigureCard(QFrame):
    """``UNWEIGHTED RECALL`` / ``0.78`` / ``± 0.04 over 8 speakers``. Its size does not depend on the value. What the
    glossary knows of its title is said where it is pointed at."""

    def __init__(self, title: str, value: str = "–", hint: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "card")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)  # all of a row alike
        self.setMinimumWidth(96)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.MEDIUM, 12, theme.MEDIUM, 12)
        layout.setSpacing(2)
        self._name, explanation = title, meaning(title)
        self._title = Elided(title)
        self._value, self._hint = QLabel(value), Elided(hint or " ")
        self.setToolTip(explanation)
        self.setAccessibleDescription(explanation)
        self._title.setProperty("role", "hint")
        self._value.setProperty("role", "big")
        self._hint.setProperty("role", "hint")
        self._value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout.addLayout(self._head("ⓘ" if explanation else ""))
        layout.addWidget(self._value)
        layout.addWidget(self._hint)
        self._describe()

    def _head(self, mark: str) -> QHBoxLayout:
        """The title and its mark, whose sign may come from a higher font: it has no say in how high the line is."""
        across, upright = QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred
        self._title.setSizePolicy(across, upright)
        sign = QLabel(mark)
        sign.setProperty("role", "hint")
        sign.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Ignored)
        row = QHBoxLayout()
        row.setSpacing(theme.TINY)
        row.addWidget(self._title)
        row.addWidget(sign)
        row.addStretch(1)
        return row

    def set(self, value: str, hint: str = "") -> None:
        """Show a figure, and a line of explanation under it."""
        self._value.setText(value)
        self._hint.setText(hint or " ")
        self._describe()

    def _describe(self) -> None:
        self.setAccessibleName(f"{self._name}: {self._value.text()} {self._hint.whole()}".strip())
