"""This voice, and the rest: which track it is, how far that is to be trusted, the files, and what is refused."""

import json

import numpy as np
import pytest
import soundfile

from models import audio, voice_profiles
from models.cli import main
from models.errors import UserError
from models.separation import target
from models.separation.apart import put_apart
from models.separation.mixing import mix
from models.separation.results import Separated
from models.separation.samples import sample_mixtures
from models.voices import speaker_embedding

RATE = 8000


@pytest.fixture(scope="module")
def said():
    """What a woman and a man say, in halves, float32 [samples] each."""
    return [np.array_split(audio.read(path, RATE), 2) for path in sample_mixtures()[0].references]


@pytest.fixture(scope="module")
def talk(said, tmp_path_factory):
    """(a recording of both, a sample of the man alone, with other words)."""
    folder = tmp_path_factory.mktemp("talk")
    shortest = min(len(voice[0]) for voice in said)
    mixed = mix([voice[0][:shortest] for voice in said], [0, 0], -25)
    soundfile.write(folder / "talk.wav", mixed.mixture, RATE, subtype="FLOAT")
    soundfile.write(folder / "Ben.wav", said[1][1], RATE)
    return folder / "talk.wav", folder / "Ben.wav", mixed


def used(capsys, *arguments):
    """(exit code, the JSON of the last line, everything printed)."""
    code = main(["use", "separation", *map(str, arguments), "--json", "--quiet"])
    out, err = capsys.readouterr()
    return code, json.loads(out.strip().splitlines()[-1]), out + err


def test_a_voice_is_found_in_true_tracks_and_a_strangers_is_not_trusted(said, talk):
    wanted = target.of_sample(talk[1])
    voice = target.find_in(wanted, talk[2].sources, RATE)
    assert (voice.name, voice.track, voice.trusted) == ("Ben", 1, True)
    assert voice.likeness == voice.likenesses[1] > voice.likenesses[0]
    assert "is in track 2" in str(voice.remark)
    stranger = target.of_sound(audio.read(sample_mixtures()[2].references[0], RATE), RATE)
    other = target.find_in(stranger, talk[2].sources, RATE)
    assert not other.trusted
    assert "Do not trust" in str(other.remark)
    assert target.find_in(wanted, np.zeros((2, RATE), np.float32), RATE) is None
    assert target.find(wanted, [None, wanted.voice], [0.0, 5.0]).track == 1


def test_the_terminal_gives_the_voice_and_the_rest(talk, tmp_path, capsys):
    recording, sample, mixed = talk
    code, result, text = used(capsys, recording, "--out", tmp_path, "--voice", sample, "--rttm")
    assert code == 0, text
    row = result["files"][0]
    voice, rest = (soundfile.read(path, dtype="float32")[0] for path in row["tracks"])
    assert [row["voice"]["voice"], row["voice"]["rest"]] == row["tracks"]
    assert [path.rsplit("_", 1)[1] for path in row["tracks"]] == ["voice.wav", "rest.wav"]
    assert len(voice) == len(rest) == len(mixed.mixture)

    def alike(first, second):
        return float(np.corrcoef(first, second)[0, 1])

    assert alike(voice, mixed.sources[1]) > 0.8 > alike(voice, mixed.sources[0])
    assert alike(rest, mixed.sources[0]) > 0.8
    assert row["voice"]["trusted"]
    assert row["voice"]["likeness"] == max(row["voice"]["likenesses"]) >= row["voice"]["enough"]
    assert (row["voices"], row["doubtful"]) == (2, False)
    assert 0.5 < row["certainty"] <= 1
    assert "2 voices are heard" in text
    assert "The voice of Ben is in track" in text
    lines = (tmp_path / "talk" / "talk.rttm").read_text("utf-8").splitlines()
    assert row["rttm"] == str(tmp_path / "talk" / "talk.rttm")
    assert {line.split()[7] for line in lines} > {"Ben"}
    assert sorted(path.name for path in (tmp_path / "talk").iterdir()) == [
        "talk.rttm", "talk_rest.wav", "talk_voice.wav",
    ]  # fmt: skip


def test_a_kept_voice_is_found_by_its_name(said, talk, tmp_path, capsys):
    voice = voice_profiles.VoiceMean(speaker_embedding(said[1][1], RATE), 4.0)
    voice_profiles.keep("Ben B.", voice)
    voice_profiles.keep("Cem", features={"voice x": voice})
    code, result, text = used(capsys, talk[0], "--out", tmp_path, "--voice", "Ben B.")
    assert code == 0, text
    assert result["files"][0]["voice"]["name"] == "Ben B."
    assert result["files"][0]["voice"]["trusted"]
    code, result, _ = used(capsys, talk[0], "--out", tmp_path, "--voice", "Cem")
    assert code == 2
    assert "kept for Emotion alone" in result["error"]["what"]


def test_in_silence_there_is_no_voice_to_find(talk, tmp_path, capsys):
    soundfile.write(tmp_path / "silence.wav", np.zeros(RATE), RATE)
    code, result, text = used(capsys, tmp_path / "silence.wav", "--out", tmp_path / "out", "--voice", talk[1])
    assert code == 0, text
    row = result["files"][0]
    assert (row["voice"], row["voices"], len(row["tracks"])) == (None, 0, 2)
    assert any("no voice to find" in remark for remark in row["remarks"])


@pytest.mark.parametrize("bad", ["silence", "short", "no sound", "nobody"])
def test_what_is_no_sample_is_refused_before_anything_is_separated(talk, tmp_path, capsys, bad):
    sample = tmp_path / "sample.wav"
    if bad == "silence":
        soundfile.write(sample, np.zeros(5 * RATE), RATE)
    elif bad == "short":
        soundfile.write(sample, talk[2].sources[0][: RATE // 4], RATE)
    elif bad == "no sound":
        sample.write_text("not a sound")
    code, result, _ = used(capsys, talk[0], "--out", tmp_path / "out", "--voice", sample)
    assert code == 2
    error = result["error"]
    assert error["remedy"]
    words = {"silence": "too little speech", "short": "too little speech", "nobody": "There is no voice"}
    assert words.get(bad, "sample.wav") in error["what"]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("container", ["wav", "flac"])
def test_the_rest_is_the_sum_of_all_others(tmp_path, container):
    random = np.random.default_rng(0)
    sounds = 0.1 * random.normal(size=(3, 300_000, 2)).astype(np.float32)
    paths = tuple(tmp_path / f"talk_speaker{number}.{container}" for number in (1, 2, 3))
    for path, sound in zip(paths, sounds, strict=True):
        soundfile.write(path, sound, RATE, subtype="PCM_24" if container == "flac" else "FLOAT")
    separated = Separated(
        tmp_path / "talk.wav", paths, RATE, 2, 300_000, RATE, (-20.0, -20.0, -20.0), (), 1.0
    )
    apart = put_apart(separated, 1)
    assert [path.name for path in apart.tracks] == [f"talk_voice.{container}", f"talk_rest.{container}"]
    voice, rest = (soundfile.read(path, dtype="float32")[0] for path in apart.tracks)
    np.testing.assert_allclose(voice, sounds[1], atol=1e-6)
    np.testing.assert_allclose(rest, sounds[0] + sounds[2], atol=1e-6)
    assert apart.levels_db[1] == pytest.approx(10 * np.log10(np.square(rest).mean()), abs=0.01)
    assert sorted(tmp_path.iterdir()) == sorted(apart.tracks)
    with pytest.raises(UserError, match="written"):
        put_apart(separated, 1)  # whose files are gone
