"""The envelope against gammatone filters made another way, its alignment, and its blocks."""

import numpy as np
import pytest
import soundfile
from scipy.signal import fftconvolve, resample_poly

from models.eeg import envelope as envelopes
from models.errors import UserError

RATE = 16_000


def speechlike(seconds=8.0, seed=0):
    """Noise in bursts of a few hertz, with harmonics: what moves as speech does."""
    generator = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    slow = np.interp(
        time,
        np.arange(0, seconds + 0.1, 0.12),
        generator.gamma(1.0, 1.0, len(np.arange(0, seconds + 0.1, 0.12))),
    )
    voice = sum(np.sin(2 * np.pi * 120 * k * time + k) / k for k in range(1, 30))
    return (slow * (voice + generator.normal(0, 0.5, len(time)))).astype(np.float32) * 0.05


def by_impulse_responses(sound, sample_rate=64):
    """t³ · exp(−2πbt) · cos(2πft) as a filter of finite length, applied by FFT."""
    time = np.arange(int(0.4 * RATE)) / RATE
    total = np.zeros(len(sound))
    for centre in envelopes.erb_spaced():
        width = 1.019 * 24.7 * (4.37 * centre / 1000 + 1)
        response = time**3 * np.exp(-2 * np.pi * width * time) * np.cos(2 * np.pi * centre * time)
        response /= np.abs(np.fft.rfft(response, 2**16)).max()
        total += np.abs(fftconvolve(sound, response)[: len(sound)]) ** 0.6
    return resample_poly(total / 28, sample_rate, RATE)


def test_equal_to_another_route():
    sound = speechlike()
    ours = envelopes.envelope(sound, RATE)
    theirs = by_impulse_responses(sound)
    assert len(ours) == len(theirs) == 8 * 64
    assert np.corrcoef(ours, theirs)[0, 1] > 0.99
    lags = {lag: np.corrcoef(ours[5 + lag : 400 + lag], theirs[5:400])[0, 1] for lag in range(-3, 4)}
    assert max(lags, key=lags.get) == 0


@pytest.mark.slow
def test_a_click_is_where_it_was():
    for position in (1.0, 2.5, 3.71):
        sound = np.zeros(5 * RATE, np.float32)
        sound[int(position * RATE) : int(position * RATE) + 400] = np.random.default_rng(0).normal(0, 1, 400)
        middle = (position * RATE + 200) / RATE * 64
        assert abs(envelopes.envelope(sound, RATE).argmax() - middle) <= 1


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_any_rate_and_length(rate):
    sound = np.random.default_rng(0).normal(0, 0.1, int(1.3 * rate)).astype(np.float32)
    result = envelopes.envelope(sound, rate)
    assert len(result) == round(1.3 * 64)
    assert np.isfinite(result).all()


@pytest.mark.slow
def test_a_file_in_blocks_is_the_sound_at_once(tmp_path):
    sound = speechlike(70)
    soundfile.write(tmp_path / "talk.wav", sound, RATE, subtype="FLOAT")
    np.testing.assert_allclose(
        envelopes.envelope_of_file(tmp_path / "talk.wav"), envelopes.envelope(sound, RATE), atol=1e-4
    )


def test_bands_are_spaced_by_erb():
    centres = envelopes.erb_spaced()
    assert len(centres) == 28
    assert centres[0] == pytest.approx(50)
    assert centres[-1] == pytest.approx(5000)
    gaps = np.diff(centres) / np.array(
        [24.7 * (4.37 * c / 1000 + 1) for c in (centres[:-1] + centres[1:]) / 2]
    )
    np.testing.assert_allclose(gaps, gaps[0], rtol=0.02)


def test_silence_is_refused(tmp_path):
    soundfile.write(tmp_path / "nothing.wav", np.zeros(RATE * 3), RATE)
    with pytest.raises(UserError, match="silent"):
        envelopes.envelope_of_file(tmp_path / "nothing.wav")
