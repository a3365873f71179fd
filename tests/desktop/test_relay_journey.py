"""One conversation through all systems, in the real window on a real screen: lanes, two ribbons of emotions under
them on the same axis, who was listened to with its interval, frames in the mesh."""

import re
from pathlib import Path

JOURNEY = Path(__file__).with_name("relay_journey.py")
PICTURES = ["1-lanes.png", "2-ribbons.png", "3-attention.png", "4-mesh.png"]
LOOKS = ("at_ribbons", "at_attention", "at_mesh")


def test_a_conversation_comes_to_the_mesh(journey, tmp_path):
    told = journey(JOURNEY, tmp_path)
    of = {item["step"]: item for item in told if "step" in item}
    assert of["lanes"]["tracks"] == 2
    assert of["lanes"]["drawn"] > 0.05  # of the first speaker
    states, results = zip(*of["way"]["steps"], strict=True)
    assert states == ("done",) * 4
    assert results[1] == "2 time lines"
    assert re.fullmatch(r".+, \d+ % \(\d+ to \d+\)", results[2])  # with its interval
    assert of["way"]["at"] == "reverberation"
    assert [of[name]["at"] for name in LOOKS] == ["separation", "eeg", "reverberation"]
    for strip in of["at_ribbons"]["strips"]:
        assert strip["left"][0] == strip["left"][1]  # one axis for lane and ribbon
        assert strip["width"][0] == strip["width"][1]
        assert 0 <= strip["below"] <= 8
        assert strip["words"]
        assert strip["colored"] > 0.2
    assert of["at_attention"]["page"] == "listened"
    assert of["at_attention"]["chosen"] == of["at_attention"]["truth"] == 0
    assert of["at_mesh"]["gates"] == [38, of["at_mesh"]["windows"]]
    assert of["at_mesh"]["colours"] > 100
    assert sorted(path.name for path in tmp_path.glob("*.png")) == PICTURES
    assert told[-1]["crashes"] == []
    print(f"the whole way: {told[-1]['seconds']:.0f} s")
