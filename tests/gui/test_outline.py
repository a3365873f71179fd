"""The outline of a sound file: extremes at every scale, the spectrogram, and bounded memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import soundfile

from app.audio import outline as outline_module
from app.audio.outline import outline_of, stretch_of
from models.errors import UserError
from models.progress import Cancelled, Progress

RATE = 16_000


def written(path, samples, rate=RATE):
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


@pytest.mark.parametrize("frames", [1, 255, 256, 257, 5_000, 16_000 * 45 + 7])
def test_every_scale_shows_the_extremes_where_they_are(tmp_path, frames):
    rng = np.random.default_rng(frames)
    sound = rng.uniform(-0.5, 0.5, frames).astype(np.float32)
    sound[frames // 3], sound[2 * frames // 3] = 0.9, -0.8
    made = outline_of(written(tmp_path / "a.wav", sound))
    assert made.frames == frames
    assert made.peak == pytest.approx(np.abs(sound).max())
    for low, high in made.levels:
        assert (low.min(), high.max()) == (sound.min(), sound.max())
    columns = 50
    step = made.duration_s / columns
    low, high = made.envelope(0.0, step, columns)
    assert (low.min(), high.max()) == (pytest.approx(sound.min()), pytest.approx(sound.max()))
    for column in range(columns):  # never less than what lies in a column; at most a pair more on either side
        inside = sound[int(np.ceil(column * step * RATE)) : int((column + 1) * step * RATE)]
        if len(inside):
            assert low[column] <= inside.min()
            assert high[column] >= inside.max()


def test_nothing_is_drawn_outside_the_file(tmp_path):
    made = outline_of(written(tmp_path / "a.wav", np.full(RATE, 0.5, np.float32)))
    low, high = made.envelope(-1.0, 0.5, 8)
    assert list(high[:4]) == [0, 0, 0.5, 0.5]
    assert not high[5:].any()  # the last pair reaches a little into the column before
    assert list(low[:4]) == [0, 0, 0.5, 0.5]


def test_the_spectrogram_shows_a_tone_at_its_time_and_frequency(tmp_path):
    sound = np.zeros(10 * RATE, np.float32)
    sound[4 * RATE : 5 * RATE] = 0.5 * np.sin(2 * np.pi * 2000 * np.arange(RATE) / RATE)
    made = outline_of(written(tmp_path / "a.wav", sound))
    column = round(4.5 / made.hop_s)
    assert int(made.spectra[0][column].argmax()) == pytest.approx(2000 / made.top_hz * 128, abs=1)
    assert not made.spectra[0][round(2.0 / made.hop_s)].any()
    assert len(made.spectra[0]) == pytest.approx(10 / made.hop_s, abs=2)


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 192_000])
def test_any_rate_and_number_of_channels(tmp_path, rate):
    time = np.arange(rate) / rate
    stereo = np.stack([0.4 * np.sin(2 * np.pi * 1000 * time), 0.2 * np.sin(2 * np.pi * 1000 * time)], axis=1)
    made = outline_of(written(tmp_path / "a.wav", stereo.astype(np.float32), rate))
    assert made.channels == 2
    assert made.peak == pytest.approx(0.3, abs=0.01)  # the mean of the channels
    assert made.spectra[0].shape[1] == 128
    loudest = int(made.spectra[0][10].argmax())
    assert loudest / 128 * made.top_hz == pytest.approx(1000, abs=130)


def test_a_stretch_holds_the_samples_themselves(tmp_path):
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 20 * RATE).astype(np.float32)
    made = outline_of(written(tmp_path / "a.wav", sound))
    assert made.fine_enough(0.1)
    assert not made.fine_enough(0.001)
    part = stretch_of(made, 3.0, 3.5, 400)
    assert np.array_equal(part.samples, sound[3 * RATE : 3 * RATE + RATE // 2])
    assert part.covers(3.1, 3.4)
    assert not part.covers(2.9, 3.4)
    low, high = part.envelope(3.1, 1 / RATE, 10)
    assert np.allclose(low, sound[round(3.1 * RATE) :][:10], atol=1e-6)
    assert np.array_equal(low, high)


def test_an_hour_in_bounded_memory(tmp_path):
    path = tmp_path / "hour.wav"
    piece = np.random.default_rng(0).normal(0, 0.1, 60 * RATE).astype(np.float32)
    with soundfile.SoundFile(path, "w", RATE, 1, subtype="PCM_16") as file:
        for _ in range(60):
            file.write(piece)
    tracemalloc.start()
    made = outline_of(path)
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert made.duration_s == 3600
    assert most < 100e6  # the sound as float32 would be 230 MB
    assert len(made.spectra[0]) == pytest.approx(40_000, abs=2)
    coarse, hop_s = made.columns_for(2.0)
    assert hop_s == pytest.approx(16 * 0.09)
    assert np.array_equal(coarse[7], made.spectra[0][7 * 16 : 8 * 16].max(axis=0))
    assert sum(len(item) for item in made.spectra) < 1.4 * 40_000


def test_what_is_too_long_gets_coarser_and_not_larger(tmp_path, monkeypatch):
    monkeypatch.setattr(outline_module, "MOST_PAIRS", 100)
    monkeypatch.setattr(outline_module, "MOST_COLUMNS", 50)
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 30 * RATE).astype(np.float32)
    made = outline_of(written(tmp_path / "a.wav", sound))
    assert len(made.levels[0][0]) <= 100
    assert len(made.spectra[0]) <= 51
    assert made.levels[0][1].max() == sound.max()


def test_it_can_be_stopped_and_says_what_is_wrong(tmp_path):
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        outline_of(written(tmp_path / "a.wav", np.zeros(RATE, np.float32)), progress)
    (tmp_path / "b.wav").write_text("no sound")
    with pytest.raises(UserError):
        outline_of(tmp_path / "b.wav")


def test_clipping_is_counted(tmp_path):
    sound = np.full(1000, 0.5, np.float32)
    sound[10:20] = 1.0
    assert outline_of(written(tmp_path / "a.wav", sound)).clipped == 10
