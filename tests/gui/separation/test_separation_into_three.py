"""Three people at once, with the model of two: the tab says that a third one speaks, and one press separates into three."""

import pytest
import soundfile

from models import audio
from models.loading import checkpoint_folder
from models.separation.mixing import mix
from models.separation.samples import sample_mixtures
from tests.gui.separation.helpers import RATE, idle, opened


def several(folder, chosen):
    """A recording of those of the samples' six readers at once."""
    known = [audio.read(path, RATE) for sample in sample_mixtures() for path in sample.references]
    voices = [known[number] for number in chosen]
    shortest = min(map(len, voices))
    mixed = mix([voice[:shortest] for voice in voices], [0.0] * len(voices), -25.0)
    path = folder / f"{len(chosen)}-people.wav"
    soundfile.write(path, mixed.mixture, RATE)
    return path


def said(tab):
    return next(message for message in tab.messages.messages if message.key == "assessment")


def separated(tab, qtbot, path):
    opened(tab, qtbot, path)
    with qtbot.waitSignal(tab.session.assessed, timeout=120_000):
        tab.primary.click()
    qtbot.waitUntil(lambda: idle(tab), timeout=60_000)


@pytest.mark.slow
def test_three_people_become_three_lanes_in_one_press(tab, qtbot, tmp_path):
    separated(tab, qtbot, several(tmp_path, (0, 2, 4)))
    assert len(tab.session.tracks) == 2
    message = said(tab)
    assert "A third voice is heard" in message.heading + message.text
    (button,) = message.buttons
    with qtbot.waitSignal(tab.session.assessed, timeout=120_000):
        button.click()
    assert tab.models.choice == str(checkpoint_folder("bundled-three", "separation"))
    assert len(tab.session.tracks) == 3
    assert tab.session.assessment.voices == 3
    assert not said(tab).buttons


@pytest.mark.slow
def test_of_two_people_none_is_missing(tab, qtbot, tmp_path):
    separated(tab, qtbot, several(tmp_path, (0, 3)))
    message = said(tab)
    assert "No third voice is heard" in message.heading + message.text
    assert not message.buttons
