"""Scrolling through a recording: every column holds the extremes of its samples, at any zoom."""

from pathlib import Path

import numpy as np
import pytest

from models.eeg.browse import MOST_BLOCKS, Overview, columns_of
from models.eeg.recordings import Recording, of_arrays


def recording(samples, rate=64.0):
    return of_arrays(Path("made.npz"), {"eeg": samples, "fs": rate, "channels": ["Cz", "Pz", "Oz"]})


@pytest.fixture
def samples():
    return np.random.default_rng(0).normal(size=(20_011, 3)).astype(np.float32).cumsum(0)


def test_columns_hold_the_extremes_of_their_samples(samples):
    overview = Overview(recording(samples)).fill(recording(samples))
    for first, last, count in ((0, 20_011, 100), (0, 20_000, 10), (3000, 19_000, 200)):
        low, high = overview.columns(first, last, count)
        wide = (last - first) / count
        slack = max(size for size, _, _ in overview.levels if size <= wide)
        for number in range(count):
            a, b = int(first + wide * number), int(first + wide * (number + 1))
            inner = samples[a + slack : b - slack]
            outer = samples[max(0, a - 2 * slack) : b + slack + 1]
            if b - a > 2 * slack:
                assert (low[number] <= inner.min(0)).all()
                assert (high[number] >= inner.max(0)).all()
            assert (low[number] >= outer.min(0)).all()
            assert (high[number] <= outer.max(0)).all()


def test_a_single_spike_is_seen_at_every_zoom(samples):
    samples[12_345, 1] = 1e6
    overview = Overview(recording(samples)).fill(recording(samples))
    for count in (20, 100, 400, 1000):
        _, high = overview.columns(0, len(samples), count)
        assert (high[:, 1] == 1e6).any()
        assert not (high[:, 0] == 1e6).any()


def test_what_is_not_yet_read_and_what_lies_outside_is_empty(samples):
    overview = Overview(recording(samples))
    for first in (0, -150):
        low, _ = overview.columns(first, len(samples), 50)
        assert np.isnan(low).all()
    overview.fill(recording(samples))
    low, high = overview.columns(-len(samples), 2 * len(samples), 90)
    assert np.isnan(low[:29]).all()
    assert np.isnan(high[61:]).all()
    assert np.isfinite(low[31:59]).all()


def test_gaps_are_passed_over(samples):
    samples[5000:5010, 0] = np.nan
    overview = Overview(recording(samples)).fill(recording(samples))
    low, high = overview.columns(0, len(samples), 100)
    assert np.isfinite(low).all()
    assert np.isfinite(high).all()


def test_finer_than_what_is_kept_has_to_be_read(samples):
    overview = Overview(recording(samples)).fill(recording(samples))
    assert overview.columns(0, 600, 500) is None
    low, high = columns_of(samples[1000:2000], 1000, 1100, 1105, 50)
    lines = np.interp(np.linspace(1100, 1105, 51), np.arange(len(samples)), samples[:, 2])
    np.testing.assert_allclose(low[:, 2], np.minimum(lines[:-1], lines[1:]), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(high[:, 2], np.maximum(lines[:-1], lines[1:]), rtol=1e-4, atol=1e-3)
    low, high = columns_of(samples, 0, 0, 20_011, 500)
    assert (high.max(0) == samples.max(0)).all()
    low, _ = columns_of(samples[:10], 0, -10, 20, 90)
    assert np.isnan(low[:29]).all()
    assert np.isfinite(low[35:55]).all()


def test_memory_does_not_grow_with_the_length():
    """A week of 64 channels at 2 kHz is laid out in as much as two hours are."""
    week = Recording(
        Path("week.bdf"), tuple(f"E{n}" for n in range(64)), 2048.0, 7 * 86_400 * 2048, lambda a, b: np.zeros((b - a, 64))
    )  # fmt: skip
    overview = Overview(week)
    assert len(overview.levels[0][1]) <= MOST_BLOCKS
    assert overview.nbytes < 64 * MOST_BLOCKS * 8 * 1.4
