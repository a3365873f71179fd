"""What of a window cannot be read because its place is too narrow or too low."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QLabel,
    QPushButton,
    QScrollArea,
    QStyle,
    QStyleOptionComboBox,
    QWidget,
)

from app.widgets.combo import ElidedCombo
from app.widgets.labels import Elided

SPARE_PX = 1.0  # of rounding


def clipped(window: QWidget) -> list[str]:
    """Words that are cut off though nothing says so: what shortens itself with an ellipsis is left out."""
    clippings = []
    for widget in window.findChildren(QWidget):
        if not widget.isVisible() or widget.visibleRegion().isEmpty():
            continue
        words, lacks = _lacking(widget)
        if words and lacks > SPARE_PX:
            clippings.append(f"{type(widget).__name__} “{words}” lacks {lacks:.0f} px")
    return clippings


def sideways(window: QWidget) -> list[str]:
    """Areas that have to be scrolled to the right to be seen whole; lists and tables may, as their rows are read one by one."""
    return [
        f"{area.accessibleName() or type(area).__name__} is {bar.maximum()} px wider than it is seen"
        for area in window.findChildren(QScrollArea)
        if area.isVisible() and (bar := area.horizontalScrollBar()).maximum() > 0
    ]


def _lacking(widget: QWidget) -> tuple[str, float]:
    """(words, points that they lack)."""
    if isinstance(widget, QComboBox) and not isinstance(widget, ElidedCombo):
        return widget.currentText(), _advance(widget, widget.currentText()) - _field(widget)
    if isinstance(widget, QPushButton):
        return widget.text(), widget.sizeHint().width() - widget.width()
    if isinstance(widget, QAbstractButton):
        return widget.text(), _advance(widget, widget.text()) - widget.width()
    if isinstance(widget, QLabel) and not isinstance(widget, Elided) and widget.text():
        return _of_label(widget)
    return "", 0.0


def _of_label(label: QLabel) -> tuple[str, float]:
    margins = label.contentsMargins()
    if label.wordWrap():
        needed = label.heightForWidth(label.width())
        return label.text(), float(needed - label.height())
    plain = label.textFormat() == Qt.TextFormat.PlainText
    rich = not plain and "</" in label.text()
    room = label.width() - margins.left() - margins.right()
    wide = (
        label.sizeHint().width() if rich else max(_advance(label, line) for line in label.text().splitlines())
    )
    return label.text(), wide - room


def _advance(widget: QWidget, words: str) -> float:
    return float(widget.fontMetrics().horizontalAdvance(words.replace("&", "")))


def _field(box: QComboBox) -> float:
    option = QStyleOptionComboBox()
    box.initStyleOption(option)
    return float(
        box.style()
        .subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, box
        )
        .width()
    )
