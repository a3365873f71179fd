"""The linear decoder: its covariance against the lagged design, its weights against mTRFpy's."""

import numpy as np
import pytest

from models.eeg import ridge

generator = np.random.default_rng(0)
TRIALS = [(generator.normal(size=(n, 5)), generator.normal(size=n)) for n in (200, 150, 320)]


def design(eeg, first, last):
    """The lagged EEG, made the plain way: [time, 1 + lags · channels]."""
    time, channels = eeg.shape
    columns = [np.ones((time, 1))]
    for lag in range(first, last + 1):
        column = np.zeros((time, channels))
        for t in range(time):
            if 0 <= t + lag < time:
                column[t] = eeg[t + lag]
        columns.append(column)
    return np.concatenate(columns, axis=1)


@pytest.mark.parametrize(("first", "last"), [(0, 0), (0, 16), (-3, 4), (2, 7), (-6, -2)])
def test_covariance_is_that_of_the_lagged_design(first, last):
    eeg, envelope = TRIALS[0]
    result = ridge.covariance(eeg, envelope, first, last)
    plain = design(eeg, first, last)
    np.testing.assert_allclose(result.xx, plain.T @ plain, atol=1e-9)
    np.testing.assert_allclose(result.xy, plain.T @ envelope, atol=1e-9)


def test_a_stretch_shorter_than_the_lags():
    eeg, envelope = TRIALS[0][0][:4], TRIALS[0][1][:4]
    plain = design(eeg, 0, 9)
    np.testing.assert_allclose(ridge.covariance(eeg, envelope, 0, 9).xx, plain.T @ plain, atol=1e-12)


def test_covariances_add_up_and_come_apart():
    parts = [ridge.covariance(eeg, envelope, 0, 3) for eeg, envelope in TRIALS]
    together = ridge.summed(parts)
    rest = together - parts[1]
    np.testing.assert_allclose(rest.xx, (parts[0] + parts[2]).xx, atol=1e-9)
    assert rest.samples == 520
    assert rest.stretches == 2


@pytest.mark.parametrize("penalty", [0.01, 1.0, 30.0])
def test_equal_to_mtrf(penalty):
    from mtrf.model import TRF

    fs = 64
    parts = [ridge.covariance(eeg, envelope, 0, 16) for eeg, envelope in TRIALS]
    together = ridge.summed(parts)
    ours = ridge.solve(together, penalty, 5, 0)
    theirs = TRF(direction=-1)
    weight = penalty * together.samples / (together.stretches * fs)
    theirs.train([v[:, None] for _, v in TRIALS], [e for e, _ in TRIALS], fs, 0, 0.25, weight)
    predicted, _ = theirs.predict([v[:, None] for _, v in TRIALS], [e for e, _ in TRIALS])
    for (eeg, _), expected in zip(TRIALS, predicted, strict=True):
        np.testing.assert_allclose(ours.decode(eeg), expected[:, 0], atol=1e-6)


def test_quality_from_the_covariance_is_pearsons_r():
    eeg, envelope = TRIALS[2]
    result = ridge.covariance(eeg, envelope, 0, 5)
    decoder = ridge.solve(result, 0.1, 5, 0)
    assert ridge.quality(decoder, result) == pytest.approx(np.corrcoef(decoder.decode(eeg), envelope)[0, 1])


def test_it_finds_what_is_there():
    """The envelope is channel 1 three steps later, with noise: weight and lag are found, λ by cross-validation."""
    trials = []
    for seed in range(4):
        noise = np.random.default_rng(seed)
        eeg = noise.normal(size=(400, 4))
        envelope = np.zeros(400)
        envelope[:-3] = eeg[3:, 1]
        trials.append((eeg, envelope + 0.5 * noise.normal(size=400)))
    parts = [ridge.covariance(eeg, envelope, 0, 6) for eeg, envelope in trials]
    decoder, r = ridge.fit(parts, [1e-3, 1e-2, 0.1, 1, 100], 4, 0)
    assert np.unravel_index(np.abs(decoder.weights).argmax(), decoder.weights.shape) == (3, 1)
    assert decoder.penalty < 100
    assert r.argmax() == [1e-3, 1e-2, 0.1, 1, 100].index(decoder.penalty)
    assert r.max() > 0.85


def test_no_penalty_on_channels_that_sum_to_zero():
    eeg = TRIALS[0][0] - TRIALS[0][0].mean(axis=1, keepdims=True)
    result = ridge.solve(ridge.covariance(eeg, TRIALS[0][1], 0, 2), 0.0, 5, 0)
    assert np.isfinite(result.weights).all()


def test_lags_in_samples():
    assert ridge.lags_of(0, 0.25, 64) == (0, 16)
    assert ridge.lags_of(-0.1, 0.3, 64) == (-7, 20)
