"""A list of choices that has less room than its words."""

from app.widgets.combo import SHORT, ElidedCombo

LONG, FEW = "2 speakers, 8 kHz (bundled)", "2 speakers, 8 kHz"


def test_where_there_is_no_room_fewer_words_are_shown_before_any_is_cut(qtbot):
    combo = ElidedCombo("Model", "The model that is used")
    qtbot.addWidget(combo)
    combo.show()
    combo.addItem(LONG, "bundled")
    combo.setItemData(0, FEW, SHORT)
    combo.addItem(LONG, "other")  # has no shorter words
    seen = []
    for width in range(400, 60, -5):
        combo.resize(width, 32)
        if combo.shown() not in seen:
            seen.append(combo.shown())
            assert ("(bundled)" in combo.toolTip()) == (combo.shown() != LONG)
    assert seen[:2] == [LONG, FEW]
    assert all(words.endswith("…") for words in seen[2:])
    combo.resize(200, 32)
    assert combo.shown() == FEW
    combo.setCurrentIndex(1)
    assert combo.shown().endswith("…")
