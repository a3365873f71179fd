"""What is said of tracks without references: how many voices, who speaks when, and whether to trust them."""

import numpy as np
import pytest
import soundfile

from models import audio
from models.errors import UserError
from models.separation.assessment import assess
from models.separation.counting import another_share, count_voices
from models.separation.mixing import mix
from models.separation.samples import sample_mixtures
from models.separation.separator import Separator

RATE = 8000


@pytest.fixture(scope="module")
def pairs():
    """What two people of each sample say, as long as each other."""
    result = []
    for sample in sample_mixtures():
        said = [audio.read(path, RATE) for path in sample.references]
        shortest = min(map(len, said))
        result.append(mix([sound[:shortest] for sound in said], [0, 0], -25))
    return result


def written(folder, *sounds, rate=RATE):
    paths = [folder / f"{number}.wav" for number in range(len(sounds))]
    for path, sound in zip(paths, sounds, strict=True):
        soundfile.write(path, sound.T, rate, subtype="FLOAT")
    return paths[0], paths[1:]


def test_true_tracks_are_two_voices_to_be_trusted(tmp_path, pairs):
    for pair in pairs:
        result = assess(*written(tmp_path, pair.mixture, *pair.sources))
        assert (result.voices, result.doubtful) == (2, False)
        assert result.certainty > 0.5
        assert result.unexplained_db < -60
        assert result.alike < 0.8
        assert all(voice is not None for voice in result.lane_voices)
        assert min(result.heard_s) > 1


def test_tracks_with_both_voices_are_doubted(tmp_path, pairs):
    for pair in pairs:
        total = pair.sources.sum(0)
        result = assess(*written(tmp_path, pair.mixture, 0.55 * total, 0.45 * total))
        assert result.doubtful or result.voices == 1
        assert result.alike > 0.95
        assert result.leak > 0.95


def test_the_share_that_no_track_holds(tmp_path, pairs):
    pair = pairs[0]
    result = assess(*written(tmp_path, pair.mixture, pair.sources[0], 0 * pair.sources[1]))
    power = np.square(pair.sources[1]).sum() / np.square(pair.mixture).sum()
    assert result.unexplained_db == pytest.approx(10 * np.log10(power), abs=0.01)
    assert result.voices == 1
    assert result.levels_db[1] == -120


@pytest.mark.parametrize("samples", [1, 100, 9000])
def test_silence_is_nobody(tmp_path, samples):
    nothing = np.zeros((2, samples), np.float32)
    result = assess(*written(tmp_path, nothing, nothing, nothing, rate=44_100))
    assert (result.voices, result.certainty, result.activity.turns) == (0, 1.0, ())
    assert not result.doubtful
    with pytest.raises(UserError):
        assess(tmp_path / "0.wav", [tmp_path / "gone.wav"])


def test_more_softness_and_likeness_speak_for_one_voice():
    assert another_share((0, 0.6, 0.5)) > another_share((20, 0.6, 0.5)) > another_share((40, 0.6, 0.5))
    assert another_share((0, 0.6, 0.5)) > another_share((0, 0.95, 0.5))
    assert another_share((0, 0.8, 0.9)) > another_share((0, 0.8, 0.0))


def test_of_three_tracks_each_counts_by_itself():
    random = np.random.default_rng(0)
    voices = np.linalg.qr(random.normal(size=(256, 3)))[0].T.astype(np.float32)
    levels = random.uniform(0.05, 0.1, (3, 400)).astype(np.float32)
    assert count_voices(levels, list(voices))[0] == 3
    assert count_voices(levels * [[1], [0.001], [1]], list(voices))[0] == 2
    count, certainty = count_voices(levels * [[1], [0.0], [0.0]], [voices[0], None, None])
    assert count == 1
    assert certainty > 0.9


@pytest.fixture(scope="module")
def bundled():
    return Separator.load("bundled", "cpu")


@pytest.mark.slow
def test_the_bundled_models_tracks_of_the_samples(tmp_path, bundled):
    for number, sample in enumerate(sample_mixtures()):
        made = bundled.separate_file(sample.mixture, tmp_path / str(number))
        result = assess(made.mixture, made.tracks)
        assert (result.voices, result.doubtful) == (2, False)
        assert result.activity.overlap > 0.2
        assert {turn.speaker for turn in result.activity.turns} == {0, 1}
