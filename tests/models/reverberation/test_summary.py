"""What is shown of sequences and of epochs: means, spreads, KL a feature and step, differences."""

import numpy as np
import pytest

from models.reverberation import summary
from models.reverberation.history import GateHistory
from models.reverberation.observer import Observation


@pytest.fixture
def observation():
    random = np.random.default_rng(0)
    output, target = random.normal(size=(2, 6)).astype(np.float32)
    return Observation(output, target, random.random((38, 6)), 8.0 * random.random((45, 6)))


def test_all_sequences_some_and_one(observation):
    steps = np.array([2, 4, 6, 8, 10, 12])
    whole = summary.of_sequences(observation, steps, 16)
    assert whole.count == 6
    np.testing.assert_allclose(whole.gates, observation.gates.mean(1))
    np.testing.assert_allclose(whole.spread, observation.gates.std(1))
    assert whole.rms == pytest.approx(np.sqrt(((observation.output - observation.target) ** 2).mean()))
    some = summary.of_sequences(observation, steps, 16, [1, 3])
    np.testing.assert_allclose(
        some.kl[:38], observation.kl[:38, [1, 3]].mean(1) / 16 / 6
    )  # a feature and step
    np.testing.assert_allclose(
        some.kl[38:], observation.kl[38:, [1, 3]].mean(1) / 16
    )  # processors have one step
    single = summary.of_sequences(observation, steps, 16, [5])
    assert single.spread is None
    assert single.output == pytest.approx(observation.output[5])
    assert single.rms == pytest.approx(abs(observation.output[5] - observation.target[5]))
    np.testing.assert_allclose(
        summary.gate_differences(single, some), observation.gates[:, [1, 3]].mean(1) - observation.gates[:, 5]
    )


def test_an_epoch_has_no_sequences(observation):
    history = GateHistory(
        np.array([1, 2]), observation.gates.T[:2], observation.kl.T[:2], np.array([0.5, 0.25])
    )
    epoch = summary.of_epoch(history, 1, steps=8, d=16)
    np.testing.assert_allclose(epoch.gates, observation.gates[:, 1])
    np.testing.assert_allclose(epoch.kl[:38], observation.kl[:38, 1] / 128)
    assert (epoch.rms, epoch.count, epoch.output, epoch.spread) == (0.25, None, None, None)


def test_few_of_many():
    assert summary.evenly(1478, 64)[0] == 0
    assert summary.evenly(1478, 64)[-1] == 1477
    assert len(summary.evenly(1478, 64)) == 64
    assert summary.evenly(100, 64) == list(range(100))
