"""Sound as it is heard elsewhere: what each part of a scene does to it."""

import numpy as np
import pytest

from models import audio
from models.emotion import degrade
from models.emotion.degrade import BANDS, NOISES, Scene
from models.resources import resource

CLIP = audio.read(next(resource("samples", "emotion", "audio").glob("*.flac")))


def drawing(seed=0):
    return np.random.default_rng(seed)


def level_db(sound):
    return 10 * np.log10(np.square(sound, dtype=np.float64).mean())


def share_db(sound, low, high):
    """Power between two frequencies, in dB of the whole."""
    power = np.abs(np.fft.rfft(sound.astype(np.float64))) ** 2
    frequency = np.fft.rfftfreq(len(sound), 1 / degrade.RATE)
    return 10 * np.log10(power[(frequency >= low) & (frequency < high)].sum() / power.sum())


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("snr_db", [5.0, 20.0])
def test_noise_lies_below_the_speech_by_what_was_asked(kind, snr_db):
    noise = Scene(noise=kind, snr_db=snr_db).heard(CLIP, drawing()) - CLIP
    assert level_db(CLIP) - level_db(noise) == pytest.approx(snr_db, abs=0.2)


def test_kinds_of_noise_differ_in_their_spectra():
    treble = {kind: share_db(degrade.noise_for(CLIP, kind, 0, drawing()), 4_000, 8_000) for kind in NOISES}
    assert treble["white"] == pytest.approx(-3, abs=0.5)  # half of the band, half of the power
    assert treble["brown"] < treble["pink"] - 10 < treble["white"] - 15


def test_a_telephone_and_a_laptop_are_narrow():
    hiss = (0.1 * drawing().standard_normal(32_000)).astype(np.float32)
    for band in BANDS[1:]:
        heard = Scene(band=band).heard(hiss, drawing())
        assert share_db(heard, 0, 100) < share_db(hiss, 0, 100) - 5
    assert share_db(Scene(band="telephone").heard(hiss, drawing()), 4_500, 8_000) < -15


def test_a_room_has_a_tail_that_falls_by_60_db():
    click = np.zeros(16_000, np.float32)
    click[0] = 1
    tail = degrade.reverberated(click.astype(np.float64), 0.5, 0.0, drawing())[1:]
    levels = [level_db(tail[round(at * 16_000) :][:800]) for at in (0.0, 0.45)]
    assert levels[0] - levels[1] == pytest.approx(54, abs=3)
    assert np.square(tail).sum() == pytest.approx(1, rel=0.01)  # as strong as the direct sound


@pytest.mark.parametrize("codec", ["mp3", "opus"])
def test_codecs_change_little_and_shift_nothing(codec):
    heard = degrade.coded(CLIP.astype(np.float64), codec)
    assert len(heard) == len(CLIP)
    assert np.corrcoef(CLIP, heard)[0, 1] > 0.9
    assert not np.array_equal(heard.astype(np.float32), CLIP)


def test_levels_and_clipping():
    assert level_db(Scene(gain_db=-12).heard(CLIP, drawing())) == pytest.approx(level_db(CLIP) - 12, abs=0.01)
    clipped = Scene(clipped=0.25).heard(CLIP, drawing())
    assert np.abs(clipped).max() == pytest.approx(np.abs(CLIP).max() / 4, rel=1e-5)


@pytest.mark.slow
def test_the_same_draw_gives_the_same_sound_and_another_one_another():
    scenes = [degrade.drawn(drawing(seed)) for seed in range(40)]
    assert degrade.drawn(drawing(3)) == scenes[3]
    assert len({scene.noise for scene in scenes}) > 5
    noisy = Scene(noise="pink", snr_db=10)
    np.testing.assert_array_equal(noisy.heard(CLIP, drawing(1)), noisy.heard(CLIP, drawing(1)))
    assert not np.array_equal(noisy.heard(CLIP, drawing(1)), noisy.heard(CLIP, drawing(2)))
    for scene in scenes:
        heard = scene.heard(CLIP, drawing())
        assert heard.dtype == np.float32
        assert len(heard) == len(CLIP)
        assert np.isfinite(heard).all()
