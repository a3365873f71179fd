"""Three voices: one preset and one command train a model with a track for each; a model for two says where its telling ends."""

import json

import numpy as np
import pytest
import soundfile

from models import audio, cli
from models.separation.assessment import assess
from models.separation.mixing import mix
from models.separation.samples import sample_mixtures
from models.separation.separator import Separator
from tests.models.separation.helpers import FEW_MIXTURES, SMALL_NETWORK
from tests.models.separation.test_separation_assessment import written

RATE = 8000
LESS = [
    "epochs=1",
    "batch_size=2",
    "diagnose_every=0",
    *FEW_MIXTURES,
]
SMALL = [
    "data.validation_count=3",
    "data.test_count=0",
    *SMALL_NETWORK,
    "network.repeats=1",
]
LIMIT = "The model has 2 tracks: whether more people speak, it cannot tell."


@pytest.fixture(scope="module")
def three():
    """(mixture, voices [3, samples]) of three people of the samples."""
    said = [audio.read(path, RATE) for sample in sample_mixtures() for path in sample.references][:3]
    shortest = min(map(len, said))
    mixed = mix([sound[:shortest] for sound in said], [0, 0, 0], -25)
    return mixed.mixture, mixed.sources


@pytest.mark.slow
def test_a_preset_trains_a_model_with_three_tracks(tmp_path, three, capsys):
    run = tmp_path / "run"
    command = ["train", "separation", "--preset", "three-voices", "--run", str(run), "--device", "cpu"]
    assert cli.main([*command, "--set", "data.path=sample", *LESS, *SMALL]) == 0
    assert Separator.load(run / "best", "cpu").speakers == 3
    recording = tmp_path / "talk.wav"
    soundfile.write(recording, three[0], RATE)
    capsys.readouterr()
    command = [
        "use",
        "separation",
        str(recording),
        "--checkpoint",
        str(run / "best"),
        "--out",
        str(tmp_path / "out"),
        "--rttm",
        "--json",
    ]
    assert cli.main([*command, "--device", "cpu"]) == 0
    (row,) = json.loads(capsys.readouterr().out.strip().splitlines()[-1])["files"]
    assert len(row["tracks"]) == 3
    assert 0 <= row["voices"] <= 3
    sums = sum(soundfile.read(track)[0] for track in row["tracks"])
    assert sums.shape == three[0].shape


def test_three_tracks_are_three_voices_and_two_say_that_they_cannot_tell(tmp_path, three):
    mixture, voices = three
    result = assess(*written(tmp_path, mixture, *voices))
    assert result.voices == 3
    assert "The model has 3 tracks" in " ".join(map(str, result.remarks))
    alone = assess(*written(tmp_path, mixture, voices[0] + voices[1], voices[2]))
    assert alone.voices == 2
    assert LIMIT in map(str, alone.remarks)
    spare = assess(*written(tmp_path, voices[0] + voices[1], voices[0], voices[1], 0 * voices[2]))
    assert spare.voices == 2  # a third track would have held a third voice
    assert "tracks" not in " ".join(map(str, spare.remarks))


def test_the_terminal_says_it_too(tmp_path, three, capsys):
    recording = tmp_path / "talk.wav"
    soundfile.write(recording, three[0], RATE)
    assert (
        cli.main(["use", "separation", str(recording), "--out", str(tmp_path / "out"), "--device", "cpu"])
        == 0
    )
    said = capsys.readouterr().out
    assert "2 voices are heard" in said
    assert "A third voice is heard" in said
    assert LIMIT not in said  # which is of tracks that nothing else listened to
    assert np.sum(["speaker" in name for name in said.split()]) >= 2
