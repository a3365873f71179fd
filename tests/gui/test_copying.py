"""Exporting a stretch of a sound: exact samples, formats, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from app.audio import copying
from app.audio.copying import copy_sound
from models.errors import UserError
from models.progress import Cancelled, Progress

RATE = 44_100


@pytest.fixture
def source(tmp_path):
    sound = np.random.default_rng(0).uniform(-0.9, 0.9, (3 * RATE, 2)).astype(np.float32)
    soundfile.write(tmp_path / "in.wav", sound, RATE, subtype="FLOAT")
    return tmp_path / "in.wav", sound


def test_a_stretch_is_cut_to_the_sample(source, tmp_path):
    path, sound = source
    assert copy_sound(path, tmp_path / "out.wav", 0.5, 1.25) == 0
    got, rate = soundfile.read(tmp_path / "out.wav", dtype="float32")
    assert rate == RATE
    assert np.array_equal(got, sound[round(0.5 * RATE) : round(1.25 * RATE)])


def test_the_whole_as_flac(source, tmp_path):
    path, sound = source
    copy_sound(path, tmp_path / "new folder" / "out.flac")
    got, _rate = soundfile.read(tmp_path / "new folder" / "out.flac", dtype="float32")
    assert np.allclose(got, sound, atol=2**-22)
    assert soundfile.info(tmp_path / "new folder" / "out.flac").format == "FLAC"


def test_what_flac_cannot_hold_is_counted(tmp_path):
    sound = np.full(100, 0.5, np.float32)
    sound[3:6] = 1.5
    soundfile.write(tmp_path / "in.wav", sound, RATE, subtype="FLOAT")
    assert copy_sound(tmp_path / "in.wav", tmp_path / "out.flac") == 3
    assert copy_sound(tmp_path / "in.wav", tmp_path / "out.wav") == 0
    assert soundfile.read(tmp_path / "out.wav")[0].max() == 1.5


def test_more_than_a_wav_file_can_count_becomes_rf64(source, tmp_path, monkeypatch):
    path, sound = source
    monkeypatch.setattr(copying, "MOST_WAV_BYTES", 1000)
    copy_sound(path, tmp_path / "out.wav")
    assert soundfile.info(tmp_path / "out.wav").format == "RF64"
    assert soundfile.info(tmp_path / "out.wav").frames == len(sound)


def test_stopped_half_way_it_leaves_nothing_new(source, tmp_path, monkeypatch):
    path, _sound = source
    monkeypatch.setattr(copying, "BLOCK", 1000)
    (tmp_path / "out.wav").write_text("the old one")
    progress = Progress(lambda step: progress.cancel() if step.done > 5_000 else None)
    with pytest.raises(Cancelled):
        copy_sound(path, tmp_path / "out.wav", progress=progress)
    assert (tmp_path / "out.wav").read_text() == "the old one"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.wav", "out.wav"]


@pytest.mark.parametrize("target", ["/dev/null/out.wav", "/proc/out.flac"])
def test_a_place_that_cannot_be_written_is_said(source, target):
    with pytest.raises(UserError) as caught:
        copy_sound(source[0], Path(target))
    assert "cannot be written" in str(caught.value)


def test_not_onto_itself(source):
    with pytest.raises(UserError):
        copy_sound(source[0], source[0])
    assert soundfile.info(source[0]).frames == 3 * RATE
