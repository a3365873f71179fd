"""The lists of combo boxes: every item of a short one is whole, of any kind of box and in both languages' fonts."""

import pytest
from PySide6.QtWidgets import QComboBox

from app.widgets.combo import ElidedCombo


def small():
    made = QComboBox()
    made.setProperty("kind", "small")
    return made


@pytest.mark.parametrize(
    "make", [QComboBox, small, lambda: ElidedCombo("Model", "")], ids=["usual", "small", "elided"]
)
@pytest.mark.parametrize(
    "words", [["pass 1", "pass 2", "difference"], ["第一遍", "第二遍", "差异"], [str(n) for n in range(9)]]
)
def test_every_item_of_a_short_list_is_whole(qtbot, make, words):
    box = make()
    qtbot.addWidget(box)
    box.addItems(words)
    box.show()
    qtbot.waitExposed(box)
    box.showPopup()
    view = box.view()
    qtbot.waitUntil(view.isVisible)
    seen = view.viewport().rect()
    for row in range(len(words)):
        item = view.visualRect(box.model().index(row, 0))
        assert item.height() > view.fontMetrics().height()
        assert seen.top() <= item.top() < item.bottom() <= seen.bottom(), (row, item, seen)
    box.hidePopup()
