"""Voices that are kept: private, one person a name, found again by any system, and gone when they are deleted."""

import json
import os
import stat

import numpy as np
import pytest

from models import audio, voice_profiles
from models.errors import UserError
from models.resources import resource
from models.voice_embedding import weights_identity
from models.voice_profiles import VoiceMean
from models.voices import speaker_embedding


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr("models.resources.home", lambda: tmp_path / "home")
    return tmp_path / "home"


def voice(seed, speech_s=3.0):
    made = np.abs(np.random.default_rng(seed).normal(size=256)).astype(np.float32)
    return VoiceMean(made / np.linalg.norm(made), speech_s)


def contents(home):
    return "".join(path.read_text("utf-8", "ignore") for path in home.rglob("*") if path.is_file())


def write(home, name, values):
    (home / "voices").mkdir(parents=True, exist_ok=True)
    (home / "voices" / name).write_text(values if isinstance(values, str) else json.dumps(values))


def of_separation(name, mean):
    """A file as Separation wrote it before the two systems had one store."""
    return {
        "version": 1,
        "encoder": weights_identity(),
        "name": name,
        "heard_s": mean.speech_s,
        "voice": [round(float(value), 6) for value in mean.values],
    }


def of_emotion(name, figures, speech_s):
    """A file as Emotion wrote it before the two systems had one store."""
    return {
        "format_version": 1,
        "name": name,
        "hears_by": "voice x",
        "speech_s": speech_s,
        "figures": figures,
    }


def test_a_voice_is_kept_and_deleted(home):
    kept = voice_profiles.keep("  Anna  Maria ", voice(1, 12.34))
    voice_profiles.keep("Äsop", features={"voice x": VoiceMean(np.arange(4.0), 12.0)})
    anna, asop = voice_profiles.profiles()
    assert [anna.name, asop.name] == ["Anna Maria", "Äsop"]
    np.testing.assert_allclose(anna.embedding.values, voice(1).values, atol=1e-5)
    assert anna.embedding.speech_s == pytest.approx(12.3)
    assert anna.paths == kept.paths
    assert asop.embedding is None
    np.testing.assert_array_equal(asop.features["voice x"].values, np.arange(4.0))
    assert asop.features["voice x"].speech_s == 12.0
    voice_profiles.delete(anna)
    assert [profile.name for profile in voice_profiles.profiles()] == ["Äsop"]
    assert [path for path in home.rglob("*") if path.is_file()] == list(asop.paths)
    voice_profiles.delete(anna)  # twice is no error
    with pytest.raises(UserError, match="gone or damaged"):
        voice_profiles.reread(anna)


def test_a_name_is_one_person(home):
    """What one system keeps stands beside what another one kept, and of the like the newer one stays."""
    voice_profiles.keep("Anna", voice(1))
    voice_profiles.keep("Anna", features={"voice x": VoiceMean(np.ones(4), 12.0)})
    voice_profiles.keep("Anna", features={"voice y": VoiceMean(np.ones(2), 3.0)})
    voice_profiles.keep("Anna", voice(2), {"voice x": VoiceMean(np.zeros(4), 1.0)})
    (anna,) = voice_profiles.profiles()
    np.testing.assert_allclose(anna.embedding.values, voice(2).values, atol=1e-5)
    assert {name: mean.speech_s for name, mean in anna.features.items()} == {"voice x": 1.0, "voice y": 3.0}
    assert len(list((home / "voices").iterdir())) == 1
    voice_profiles.delete(anna)
    assert list((home / "voices").iterdir()) == []


def test_files_of_both_older_formats_are_read_and_become_one(home):
    write(home, "a.json", of_separation("Anna", voice(1, 12.3)))
    write(home, "b.json", of_separation("Anna", voice(2, 4.0)))
    write(home, "c.json", of_emotion("Anna", [1.0, 2.0], 30.0))
    write(home, "d.json", of_emotion("Ben", [3.0, 4.0], 5.0))
    anna, ben = voice_profiles.profiles()
    np.testing.assert_allclose(anna.embedding.values, voice(1).values, atol=1e-5)  # heard for longer
    assert anna.features["voice x"].values.tolist() == [1.0, 2.0]
    assert ben.embedding is None
    assert ben.features["voice x"].speech_s == 5.0
    voice_profiles.keep("Anna", voice(3, 20.0))
    assert len(list((home / "voices").glob("*.json"))) == 2
    (anna, _ben) = voice_profiles.profiles()
    assert anna.embedding.speech_s == 20.0
    assert anna.features["voice x"].speech_s == 30.0
    write(home, "e.json", of_emotion("Anna", [1.0, 2.0], 30.0))  # came while the list was in sight
    voice_profiles.delete(anna)
    assert "Anna" not in contents(home)
    assert [profile.name for profile in voice_profiles.profiles()] == ["Ben"]


def test_what_a_killed_write_left_is_deleted_with_the_voice(home):
    (path,) = voice_profiles.keep("Anna", voice(1)).paths
    for name in (f".{path.name}.4711", f"{path.stem}.part"):
        write(home, name, path.read_text())
    voice_profiles.delete(voice_profiles.profiles()[0])
    assert list((home / "voices").iterdir()) == []


def test_a_write_that_fails_leaves_what_was(home, monkeypatch):
    voice_profiles.keep("Anna", voice(1))
    before = contents(home)

    def full(*_given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("models.voice_profiles.os.fsync", full)
    with pytest.raises(UserError, match="No space left"):
        voice_profiles.keep("Anna", voice(2))
    assert contents(home) == before


@pytest.mark.skipif(os.name != "posix", reason="rights are those of POSIX")
def test_nobody_else_can_read_it(home):
    before = os.umask(0)
    try:
        (path,) = voice_profiles.keep("Anna", voice(1)).paths
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["", "  \n", "x" * 61])
def test_a_voice_needs_a_name(name, home):
    with pytest.raises(UserError, match=r"no name|too long"):
        voice_profiles.keep(name, voice(1))
    with pytest.raises(UserError, match="Nothing is known"):
        voice_profiles.keep("Anna")
    assert not home.exists()


def test_what_holds_no_voice_is_left_out(home):
    (path,) = voice_profiles.keep("Anna", voice(1), {"voice x": VoiceMean(np.ones(2), 3.0)}).paths
    now, before = json.loads(path.read_text()), of_separation("Ben", voice(1))
    wrong = [
        now | {"version": 3},
        now | {"name": ""},
        now | {"embedding": now["embedding"] | {"values": [1.0]}},
        now | {"features": {"voice x": {"speech_s": -1.0, "mean": [1.0]}}},
        now | {"features": {"voice x": {"speech_s": 3.0, "mean": []}}},
        now | {"features": {}, "embedding": None},
        now | {"features": []},
        before | {"voice": [0.0] * 256},
        before | {"voice": ["x"] * 256},
        before | {"heard_s": None},
        of_emotion("Ben", [float("nan")], 3.0),
        of_emotion("Ben", [1.0], "x"),
        "no JSON",
        "[]",
        "{}",
    ]
    for number, values in enumerate(wrong):
        write(home, f"{number}.json", values)
    (anna,) = voice_profiles.profiles()
    assert (anna.name, anna.paths) == ("Anna", (path,))


def test_a_voice_of_another_encoder_is_nobodys_but_can_be_deleted(home):
    write(home, "a.json", of_separation("Anna", voice(1)) | {"encoder": "another"})
    (anna,) = voice_profiles.profiles()
    assert anna.embedding is None
    assert voice_profiles.recognised([voice(1).values], [60.0], [anna]) == [None]
    voice_profiles.delete(anna)
    assert voice_profiles.profiles() == []


def test_the_same_person_is_found_in_another_sound():
    folder = resource("samples", "separation", "voices")
    paths = sorted(path for path in folder.rglob("*") if path.suffix in audio.AUDIO_SUFFIXES)[:6]
    halves = [np.array_split(audio.read(path, 16_000), 2) for path in paths]
    nobody = voice_profiles.recognised([voice(1).values, None], [3, 3], voice_profiles.profiles())
    assert nobody == [None, None]
    for number, (first, _) in enumerate(halves):
        voice_profiles.keep(str(number), VoiceMean(speaker_embedding(first, 16_000), 4.0))
    kept = voice_profiles.profiles()
    heard = [speaker_embedding(second, 16_000) for _, second in halves]
    recognised = voice_profiles.recognised([*heard, None], [4.0] * (len(heard) + 1), kept)
    known = [(item.profile.name, str(number)) for number, item in enumerate(recognised) if item is not None]
    assert all(told == true for told, true in known)
    assert len(known) >= 4  # of halves of clips, a few seconds each
    assert all(
        voice_profiles.sure(4.0) <= item.likeness <= 1 + 1e-6 for item in recognised if item is not None
    )
    assert recognised[-1] is None
    assert voice_profiles.sure(4) < voice_profiles.sure(20) < voice_profiles.sure(100) < 1
    strangers = voice_profiles.recognised(heard[:3], [4.0] * 3, kept[3:])
    assert strangers == [None] * 3
    twice = voice_profiles.recognised([heard[0], heard[0]], [4.0, 4.0], kept)
    assert sorted(item is None for item in twice) == [False, True]  # nobody is in two lanes
