"""EEG live on a real window, with the bundled player in place of an amplifier: a stream found, traces, who is listened to,
the other talker within the delay that is stated, streams that vanish and come back, the recording opened again."""

from pathlib import Path

from models.eeg.recordings import BIOSEMI64
from tests.lsl import alone

alone()

JOURNEY = Path(__file__).with_name("eeg_journey.py")
WINDOW_S, STEP_S, HOLD_S = (
    5.0,
    2.0,
    5.0,
)  # what is said is of a window, said at the next step, and held against flapping


def test_streams_from_being_found_to_being_opened_again(journey):
    told = {}
    steps = journey(JOURNEY)
    for step in steps:
        told |= step
    assert steps[0]["found"].startswith("Polyphony EEG · 64 channels · 64 Hz")
    assert steps[0]["channels"] == 64
    assert [step["listens"] for step in steps if "listens" in step] == ["Listens to left", "Listens to right"]
    assert told["delay_s"] == 1.25
    assert told["seen_s"] <= WINDOW_S + told["delay_s"] + STEP_S
    assert told["in_front_s"] <= WINDOW_S + told["delay_s"] + STEP_S + HOLD_S
    assert told["back"]
    assert "of 64 Hz" in told["health"]
    assert told["reopened"].startswith("live ")
    assert tuple(told["channels"]) == BIOSEMI64
    assert told["seconds"] > 15
    notes = told["notes"]
    assert [text for text in notes if text.startswith("listens to")] >= [
        "listens to left",
        "listens to right",
    ]
    assert notes.index("swapped") < notes.index("listens to right")
    assert sum(text.startswith("lost ") for text in notes) == 2
    assert sum(text.startswith("back ") for text in notes) == 2
    assert told["threads"] == []
