"""r by window, null distributions, p-values, the challenge's score, and who was listened to."""

import numpy as np
import pytest

from models.eeg import attended, scores
from models.eeg.correlation import Decoded, by_window, pearson
from models.errors import UserError


def smooth(n, seed):
    return np.convolve(np.random.default_rng(seed).normal(size=n + 30), np.hanning(16), "same")[15:-15]


def stretches(strength, subjects=4, seed=0):
    made = []
    for subject in range(subjects):
        for stimulus in range(3):
            envelope = smooth(1280, 100 + stimulus)
            noise = smooth(1280, 1000 * seed + 10 * subject + stimulus)
            made.append(Decoded(f"s{subject}", f"a{stimulus}", strength * envelope + noise, envelope))
    return made


def test_pearson():
    a, b = np.random.default_rng(0).normal(size=(2, 7, 50))
    np.testing.assert_allclose(pearson(a, b), [np.corrcoef(x, y)[0, 1] for x, y in zip(a, b, strict=True)])
    assert pearson(np.ones(5), np.arange(5)) == 0


def test_surrogates_keep_the_spectrum_and_nothing_else():
    envelope = smooth(201, 1)
    drawn = scores.surrogates(envelope, 30, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(envelope - envelope.mean()))
    np.testing.assert_allclose(np.abs(np.fft.rfft(drawn, axis=1)), np.tile(spectrum, (30, 1)), atol=1e-9)
    assert abs(pearson(envelope, drawn).mean()) < 0.1


@pytest.mark.slow
def test_false_alarms_on_noise_are_as_many_as_said():
    """Ten seconds of first-order autoregressive noise that is as slow as an envelope: circular shifts called 8 % significant."""
    from scipy.signal import lfilter

    noise = np.random.default_rng(0).normal(size=(2, 800, 1140))
    first, second = (lfilter([1], [1, -0.97], part, axis=1)[:, 500:] for part in noise)
    p = [
        scores.evaluate([Decoded("s", "a", a, b)], 64, draws=100, seed=n).subjects[0].p
        for n, (a, b) in enumerate(zip(first, second, strict=True))
    ]
    assert 0.03 < np.mean(np.array(p) < 0.05) < 0.06


def test_a_real_decoder_stands_out_of_chance():
    result = scores.evaluate(stretches(0.5), 64, met=["s0", "s1"])
    assert all(item.p < 0.01 for item in result.subjects)
    assert abs(result.chance) < 0.05
    assert all(item.r > item.null_95 for item in result.subjects)
    assert result.score == pytest.approx((2 * result.within + result.held_out) / 3)
    assert result.within == pytest.approx(np.mean([item.r for item in result.subjects[:2]]))


@pytest.mark.slow
def test_no_decoder_is_chance():
    p = [
        item.p
        for seed in range(1, 8)
        for item in scores.evaluate(stretches(0.0, seed=seed), 64, draws=300).subjects
    ]
    assert np.mean(np.array(p) < 0.05) < 0.2
    assert 0.3 < np.mean(p) < 0.7


def test_windows_that_do_not_fit_are_left_out():
    result = scores.evaluate(stretches(0.5), 64)
    assert set(result.subjects[0].windows) == {10.0}
    assert result.score is None
    assert result.within is None
    assert result.as_dict()["subjects"][0]["null_95"] < 1


def test_attended_speaker():
    true, other = smooth(64 * 120, 1), smooth(64 * 120, 2)
    decoded = 0.4 * true + smooth(64 * 120, 3)
    result = attended.attended(decoded, [other, true], 64, truth=1)
    assert result.chosen == 1
    accuracy = {item.window_s: item for item in result.windows}
    assert set(accuracy) == {5.0, 10.0, 30.0, 60.0}
    assert accuracy[30.0].accuracy >= accuracy[5.0].accuracy > 0.6
    for item in result.windows:
        assert item.low <= item.accuracy <= item.high
        np.testing.assert_array_equal(item.margin > 0, item.chosen == 1)


def test_unknown_truth_and_too_few_tracks():
    true, other = smooth(2000, 1), smooth(1900, 2)
    result = attended.attended(true, [true, other], 64)
    assert (result.windows[0].margin >= 0).all()
    assert np.isnan(result.windows[0].accuracy)
    with pytest.raises(UserError, match="nothing to choose"):
        attended.attended(true, [true], 64)


def test_wilson():
    assert attended.wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-3)
    assert attended.wilson(10, 10)[1] == 1.0


def test_intervals_and_bands():
    values = np.array([0.1, 0.2, 0.3, 0.4])
    error = scores.standard_error(values)
    assert error == pytest.approx(values.std(ddof=1) / 2)
    low, high = scores.interval_95(0.25, error)
    assert (low + high) / 2 == pytest.approx(0.25)
    assert high - low == pytest.approx(2 * 1.96 * error)
    assert np.isnan(scores.standard_error(values[:2]))
    assert np.isnan(scores.interval_95(0.25, float("nan"))).all()
    assert scores.quantiles(np.arange(101.0), 0.05, 0.95) == (5, 95)
    assert np.isnan(scores.quantiles(np.zeros(0), 0.5)).all()


def test_what_windows_come_to_by_chance():
    """Wider for shorter windows, and passed by a twentieth of windows of an envelope that is unlike the decoded one."""
    decoded, envelope = smooth(64 * 120, 1), smooth(64 * 120, 2)
    short, long = (scores.window_chance(decoded, envelope, round(s * 64), 64) for s in (2, 20))
    assert 0 < long < short < 1
    others = np.concatenate([by_window(decoded, smooth(64 * 120, seed), 128) for seed in range(3, 23)])
    assert (others > short).mean() == pytest.approx(0.05, abs=0.02)
    assert np.isnan(scores.window_chance(decoded[:200], envelope[:200], 64, 64))
