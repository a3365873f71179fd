"""A list of choices whose own line says with an ellipsis, and in its tooltip, where a choice is too long for it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter, QWidget

from app.widgets.plain import tip

ASIDE = 6  # px that the text keeps from the edges of its field
LEAST_PX = 90  # of one that would rather be wide
SHORT = Qt.ItemDataRole.UserRole + 1  # fewer words for a choice, where there is no room for all of them


class ElidedCombo(QComboBox):
    """As wide as its place, however long its choices are; a `wide` one asks for the room of its longest choice."""

    def __init__(self, name: str, tooltip: str, parent: QWidget | None = None, *, wide: bool = False) -> None:
        super().__init__(parent)
        self._tooltip, self._wide = "", wide
        policy = QComboBox.SizeAdjustPolicy
        self.setSizeAdjustPolicy(
            policy.AdjustToContents if wide else policy.AdjustToMinimumContentsLengthWithIcon
        )
        self.setAccessibleName(name)
        self.setToolTip(tooltip)
        self.currentTextChanged.connect(lambda _text: self._describe())

    def setToolTip(self, text: str) -> None:
        """What is said of the list while its choice can be read."""
        self._tooltip = text
        self._describe()

    def sizeHint(self) -> QSize:
        wanted = super().sizeHint()
        return QSize(wanted.width() + 2 * ASIDE, wanted.height()) if self._wide else wanted

    def minimumSizeHint(self) -> QSize:
        least = super().minimumSizeHint()
        return QSize(min(least.width(), LEAST_PX), least.height()) if self._wide else least

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._describe()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = self.shown()
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def shown(self) -> str:
        """What stands in its line: the choice in fewer words, or its beginning, where there is no room for all of it."""
        text = self.currentText() if self.currentIndex() >= 0 else self.placeholderText()
        if self._cut():
            text = str(self.currentData(SHORT) or text)
        return self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, self._room())

    def _room(self) -> int:
        """px for the words of the choice."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        place = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self)
        return place.width() - ASIDE

    def _cut(self) -> bool:
        """Whether there is no room for all words of the choice."""
        return self.fontMetrics().horizontalAdvance(self.currentText()) > self._room()

    def _describe(self) -> None:
        super().setToolTip(tip(self.currentText()) if self._cut() else self._tooltip)
