"""Whoever scrolls past a field must not set it."""

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDoubleSpinBox,
    QScrollBar,
    QSlider,
    QSpinBox,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from app.wheel import WheelGuard


def turn(widget) -> bool:
    """A notch of the wheel over the widget; whether it took it."""
    middle = QPointF(widget.rect().center())
    event = QWheelEvent(
        middle, widget.mapToGlobal(middle), QPoint(0, 0), QPoint(0, -120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


def combo():
    made = QComboBox()
    made.addItems(["a", "b", "c"])
    return made, made.currentIndex


def spin(kind):
    made = kind()
    made.setRange(-10, 10)
    return made, made.value


def slider():
    made = QSlider(Qt.Orientation.Horizontal)
    made.setValue(50)
    return made, made.value


def tab_bar():
    made = QTabBar()
    for words in "abc":
        made.addTab(words)
    return made, made.currentIndex


@pytest.mark.parametrize(
    "make", [combo, lambda: spin(QSpinBox), lambda: spin(QDoubleSpinBox), slider, tab_bar],
    ids=["combo", "spin", "double spin", "slider", "tabs"],
)  # fmt: skip
def test_a_field_is_set_by_the_wheel_only_where_it_has_the_focus(make, qtbot, qapp):
    window = QWidget()
    qtbot.addWidget(window)
    guard = WheelGuard(qapp, window)
    layout = QVBoxLayout(window)
    other, (field, value) = QComboBox(), make()
    field.setFocusPolicy(Qt.FocusPolicy.WheelFocus)
    layout.addWidget(other)
    layout.addWidget(field)
    window.show()
    qtbot.waitActive(window)
    other.setFocus()
    before = value()
    assert not turn(field)
    assert value() == before
    assert field.focusPolicy() == Qt.FocusPolicy.StrongFocus, "or Qt would give it the focus at the turn"
    field.setFocus()
    turn(field)
    assert value() != before
    qapp.removeEventFilter(guard)


def test_what_scrolls_is_scrolled(qtbot, qapp):
    bar = QScrollBar()
    qtbot.addWidget(bar)
    guard = WheelGuard(qapp, bar)
    bar.setRange(0, 100)
    bar.show()
    turn(bar)
    assert bar.value() > 0
    qapp.removeEventFilter(guard)
