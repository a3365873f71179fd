"""The emotion tab as a whole: its state, names and order for those who do not see or point, its words."""

import json

from PySide6.QtCore import Qt

from app.tabs.emotion.words import emotion_words
from app.widgets import focus


def test_state_comes_back(tab, qtbot):
    tab.choice.choose("evaluate")
    tab.live.options.hop.setValue(1.0)
    state = tab.state()
    tab.choice.choose("files")
    tab.live.options.hop.setValue(0.5)
    tab.restore(json.loads(json.dumps(state)))
    assert tab.choice.current == "evaluate"
    assert tab.live.options.hop.value() == 1.0
    tab.restore({"page": "nonsense", "model": 3, "models": ["/gone"], "pages": "x"})  # of another version
    assert tab.models.choice == "bundled"


def test_everything_has_a_name_for_screen_readers(tab, qtbot):
    from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox

    for name in ("live", "files", "evaluate"):
        tab.choice.choose(name)
        for kind in (QAbstractButton, QComboBox, QAbstractSpinBox):
            for widget in tab.findChildren(kind):
                if widget.isVisibleTo(tab) and widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
                    named = widget.accessibleName() or getattr(widget, "text", lambda: "")()
                    assert named, f"{name}: {widget}"


def test_the_keyboard_reaches_the_controls_in_reading_order(tab):
    tab.choice.choose("files")
    tab.primary.setEnabled(True)
    stops = list(focus.stops_in(tab))
    assert stops[0] is tab.choice.buttons["files"]
    assert stops.index(tab.models.box) < stops.index(tab.primary)


def test_every_emotion_has_its_own_words_and_colour(tab):
    from app.tabs.emotion.words import emotion_color
    from models.emotion.corpora import EMOTIONS

    labels = set(EMOTIONS.values()) - {"other"}
    assert len({emotion_color(label) for label in labels}) == len(labels) == 11
    assert all(emotion_words(label) for label in labels)
