"""A third voice, of which tracks for two say nothing, is listened for by the model of three that ships."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from models import audio
from models.separation.activity import FRAME_S, Activity
from models.separation.assessment import assess
from models.separation.mixing import mix
from models.separation.samples import sample_mixtures
from models.separation.separator import Separator
from models.separation.third import busiest, listened

RATE = 8000


def voices():
    return [audio.read(path, RATE) for sample in sample_mixtures() for path in sample.references]


def assessed(folder, said):
    """The assessment of those voices at once, separated by the model of two."""
    shortest = min(map(len, said))
    mixed = mix([sound[:shortest] for sound in said], [0.0] * len(said), -25.0)
    recording = folder / "talk.wav"
    soundfile.write(recording, mixed.mixture, RATE)
    separated = Separator.load("bundled").separate_file(recording, folder)
    return listened(assess(recording, separated.tracks), recording)


@pytest.mark.slow
def test_three_people_and_two_are_told_apart_where_there_are_two_tracks(tmp_path):
    known = voices()
    told = {2: [], 3: []}
    for number, chosen in enumerate(
        [(0, 2), (1, 4), (3, 5), (0, 3), (0, 2, 4), (1, 3, 5), (0, 3, 5), (1, 2, 4)]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        result = assessed(folder, [known[item] for item in chosen])
        assert result.voices == 2
        assert result.third is not None
        told[len(chosen)].append(result.third > 0.5)
    print(told)
    assert sum(told[3]) - sum(told[2]) >= 3


def test_one_voice_alone_is_not_listened_to_again(tmp_path):
    result = assessed(tmp_path, voices()[:1])
    assert result.voices == 1
    assert result.third is None


def test_what_is_said_of_a_third_voice(tmp_path):
    sound = voices()[0]
    for name in ("talk", "first", "second"):
        soundfile.write(tmp_path / f"{name}.wav", sound, RATE)
    known = replace(
        assess(tmp_path / "talk.wav", [tmp_path / "first.wav", tmp_path / "second.wav"]), voices=2
    )
    for third, words in (
        (None, "cannot tell"),
        (0.9, "A third voice is heard, with a certainty of 90 %"),
        (0.2, "No third voice is heard, with a certainty of 80 %"),
    ):
        said = " ".join(map(str, replace(known, third=third).remarks))
        assert words in said, said


def test_it_listens_where_most_is_said():
    speaks = np.zeros((2, 400), bool)
    speaks[0, :100] = speaks[:, 250:350] = True
    assert busiest(Activity(speaks, 20.0), 5.0) == pytest.approx(250 * FRAME_S)
    assert busiest(Activity(speaks, 20.0), 30.0) == 0.0
