"""Every tab without a mouse, in the real window on a real screen: reached, its sample opened, its view moved, left."""

from pathlib import Path

import pytest

from models.reverberation.wiring import CONDUCTOR, PROCESSOR_NAMES, ROLE_NAMES

JOURNEY = Path(__file__).with_name("keyboard_journey.py")
MOST_PRESSES = 8  # of Tab, from where a tab begins to the sample


def test_every_tab_by_keyboard(journey, tmp_path):
    told = journey(JOURNEY, tmp_path)
    of_tab = {item["tab"]: item for item in told if "tab" in item}
    whole = {key: value for item in told if "tab" not in item for key, value in item.items()}
    assert list(of_tab) == ["emotion", "separation", "reverberation", "eeg", "search"]
    for name, item in of_tab.items():
        assert item["presses"] <= MOST_PRESSES, name
        assert item["colours"] > 100, name  # something was painted
    assert of_tab["emotion"]["recognised"] == of_tab["emotion"]["files"] > 10
    assert of_tab["separation"]["tracks"] == 2
    assert of_tab["separation"]["heard_s"] >= 0.5
    assert of_tab["reverberation"]["module"] in (*ROLE_NAMES, *PROCESSOR_NAMES, CONDUCTOR.name)
    assert of_tab["reverberation"]["views"] == [
        "mesh",
        "heat",
        "kl",
        "what if",
        "compare",
        "wiring",
        "structure",
    ]
    assert of_tab["eeg"]["r"] > 0.05
    assert of_tab["eeg"]["paged_s"] == pytest.approx(10, abs=0.1)
    assert any("heart" in words for words in of_tab["search"]["answers"])
    assert of_tab["search"]["row"] == 1
    closed, opened = whole["dock"]
    assert opened > 3 * closed
    assert whole["crashes"] == []
    assert whole["threads"] == []
    assert whole["children"] == 0
