"""Electrodes on a map, and their power."""

import numpy as np
import pytest

from models.eeg import scalp
from models.eeg.recordings import BIOSEMI64


def test_electrodes_lie_where_they_should():
    places = dict(zip(BIOSEMI64, scalp.positions(BIOSEMI64), strict=True))
    assert np.hypot(*places["Cz"]) < 0.2
    assert places["Fpz"][1] > 0.8
    assert places["Oz"][1] < -0.8
    assert places["T7"][0] < -0.8 < 0.8 < places["T8"][0]
    assert abs(places["C3"][0] + places["C4"][0]) < 0.1
    assert np.isnan(scalp.positions(["Cz", "EXG1"])[1]).all()


def test_power_is_that_of_a_sine():
    time = np.arange(64 * 20) / 64
    eeg = np.stack(
        [np.sqrt(2) * 10 * np.sin(2 * np.pi * 6 * time), np.sqrt(2) * np.sin(2 * np.pi * 6 * time)], axis=1
    )
    np.testing.assert_allclose(scalp.channel_power(eeg, 64), [20, 0], atol=0.3)
    assert scalp.channel_power(eeg, 64, 10, 20).max() < -20
    assert scalp.channel_power(eeg[:10], 64).shape == (2,)
    assert scalp.channel_power(eeg, 64)[0] == pytest.approx(scalp.channel_power(eeg, 64)[1] + 20)
