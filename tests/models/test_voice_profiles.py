"""Voices that are kept: private, found again, and gone when they are deleted."""

import json
import os
import stat

import numpy as np
import pytest

from models import audio, voice_profiles
from models.errors import UserError
from models.resources import resource
from models.voices import voice_of


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr("models.resources.home", lambda: tmp_path / "home")
    return tmp_path / "home"


def voice(seed):
    made = np.abs(np.random.default_rng(seed).normal(size=256)).astype(np.float32)
    return made / np.linalg.norm(made)


def test_a_voice_is_kept_and_deleted(home):
    kept = voice_profiles.keep("  Anna  Maria ", voice(1), 12.34)
    voice_profiles.keep("Äsop", voice(2))
    found = voice_profiles.profiles()
    assert [profile.name for profile in found] == ["Anna Maria", "Äsop"]
    np.testing.assert_allclose(found[0].voice, voice(1), atol=1e-5)
    assert found[0].heard_s == pytest.approx(12.3)
    assert found[0].path == kept.path
    voice_profiles.delete(found[0])
    assert [profile.name for profile in voice_profiles.profiles()] == ["Äsop"]
    assert [path.name for path in home.rglob("*") if path.is_file()] == [found[1].path.name]
    voice_profiles.delete(found[0])  # twice is no error


@pytest.mark.skipif(os.name != "posix", reason="rights are those of POSIX")
def test_nobody_else_can_read_it(home):
    before = os.umask(0)
    try:
        kept = voice_profiles.keep("Anna", voice(1))
    finally:
        os.umask(before)
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["", "  \n"])
def test_a_voice_needs_a_name(name, home):
    with pytest.raises(UserError, match="no name"):
        voice_profiles.keep(name, voice(1))
    assert not home.exists()


def test_what_holds_no_voice_is_left_out(home):
    kept = voice_profiles.keep("Anna", voice(1))
    whole = json.loads(kept.path.read_text())
    wrong = [
        {"encoder": "another"},
        {"version": 2},
        {"voice": [1.0]},
        {"voice": [0.0] * 256},
        {"voice": ["x"] * 256},
        {"heard_s": None},
        {"name": ""},
    ]
    for number, change in enumerate(wrong):
        (kept.path.parent / f"{number}.json").write_text(json.dumps(whole | change))
    (kept.path.parent / "text.json").write_text("no JSON")
    (kept.path.parent / "list.json").write_text("[]")
    assert [profile.name for profile in voice_profiles.profiles()] == ["Anna"]


def test_the_same_person_is_found_in_another_sound():
    folder = resource("samples", "separation", "voices")
    paths = sorted(path for path in folder.rglob("*") if path.suffix in audio.AUDIO_SUFFIXES)[:6]
    halves = [np.array_split(audio.read(path, 16_000), 2) for path in paths]
    assert voice_profiles.recognised([voice(1), None], [3, 3], voice_profiles.profiles()) == [None, None]
    for number, (first, _) in enumerate(halves):
        voice_profiles.keep(str(number), voice_of(first, 16_000), 4.0)
    kept = voice_profiles.profiles()
    heard = [voice_of(second, 16_000) for _, second in halves]
    found = voice_profiles.recognised([*heard, None], [4.0] * (len(heard) + 1), kept)
    known = [(item.profile.name, str(number)) for number, item in enumerate(found) if item is not None]
    assert all(told == true for told, true in known)
    assert len(known) >= 4  # of halves of clips, a few seconds each
    assert all(voice_profiles.sure(4.0) <= item.likeness <= 1 + 1e-6 for item in found if item is not None)
    assert found[-1] is None
    assert voice_profiles.sure(4) < voice_profiles.sure(20) < voice_profiles.sure(100) < 1
    strangers = voice_profiles.recognised(heard[:3], [4.0] * 3, kept[3:])
    assert strangers == [None] * 3
    twice = voice_profiles.recognised([heard[0], heard[0]], [4.0, 4.0], kept)
    assert sorted(item is None for item in twice) == [False, True]  # nobody is in two lanes
