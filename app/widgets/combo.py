"""A list of choices whose own line says with an ellipsis, and in its tooltip, where a choice is too long for it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter, QWidget

from app.widgets.plain import tip

ASIDE = 6  # px that the text keeps from the edges of its field


class ElidedCombo(QComboBox):
    """As wide as its place, however long its choices are."""

    def __init__(self, name: str, tooltip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tooltip = tooltip
        self.setAccessibleName(name)
        self.setToolTip(tooltip)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.currentTextChanged.connect(lambda _text: self._describe())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = self._fitting(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def _fitting(self, option: QStyleOptionComboBox) -> str:
        text = self.currentText() if self.currentIndex() >= 0 else self.placeholderText()
        field = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        room = field.width() - ASIDE
        return self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room)

    def _describe(self) -> None:
        wide = self.fontMetrics().horizontalAdvance(self.currentText()) > self.width() - 48
        self.setToolTip(tip(self.currentText()) if wide else self._tooltip)
