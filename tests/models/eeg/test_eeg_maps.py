"""Forward responses against mTRFpy's, the decoder's pattern against the paper's definition, channels left out in turn."""

import numpy as np
import pytest

from models.eeg import maps, ridge

generator = np.random.default_rng(0)
TRIALS = [
    (generator.normal(size=(n, 5)) @ generator.normal(size=(5, 5)), generator.normal(size=n))
    for n in (300, 240)
]


def test_lagged_signals():
    np.testing.assert_array_equal(
        maps.lagged(np.array([1.0, 2, 3]), -1, 1), [[2, 1, 0], [3, 2, 1], [0, 3, 2]]
    )
    assert not maps.lagged(np.ones(3), 4, 5).any()


@pytest.mark.parametrize("penalty", [0.01, 1.0])
@pytest.mark.parametrize(("first_s", "last_s"), [(0.0, 0.25), (-0.1, 0.3)])
def test_forward_responses_are_mtrfs(penalty, first_s, last_s):
    from mtrf.matrices import lags_idx
    from mtrf.model import TRF

    lags = list(lags_idx(np, first_s, last_s, 64))
    weights, constant = maps.forward(TRIALS, lags[0], lags[-1], penalty)
    theirs = TRF(direction=1)
    total = sum(len(envelope) for _, envelope in TRIALS)
    theirs.train([v[:, None] for _, v in TRIALS], [e for e, _ in TRIALS], 64, first_s, last_s, penalty * total / (2 * 64))  # fmt: skip
    np.testing.assert_allclose(weights, theirs.weights[0] / 64, atol=1e-6)
    np.testing.assert_allclose(constant, np.ravel(theirs.bias) / 64, atol=1e-6)


def test_the_pattern_of_a_linear_decoder_is_haufes_transform():
    """Cov(x) w / Var(y), x all channels at all lags, written out; mTRFpy has it where there is one lag."""
    from mtrf.model import TRF

    eeg, envelope = TRIALS[0]
    eeg = eeg - eeg.mean(0)
    solved = ridge.solve(ridge.covariance(eeg, envelope, 0, 3), 0.1, 5, 0)
    design = np.concatenate([np.vstack([eeg[lag:], np.zeros((lag, 5))]) for lag in range(4)], axis=1)
    decoded = design @ solved.weights.ravel()
    centred = decoded - decoded.mean()
    expected = (design.T @ centred / (centred @ centred)).reshape(4, 5)
    np.testing.assert_allclose(maps.pattern([(eeg, solved.decode(eeg))], 0, 3), expected, atol=1e-6)
    plain = design.T @ design @ solved.weights.ravel()
    np.testing.assert_allclose(plain, design.T @ decoded, rtol=1e-9)

    theirs = TRF(direction=-1)
    theirs.train([envelope[:, None] - envelope.mean()], [eeg], 64, 0, 0, 0.0)
    predicted, _ = theirs.predict([envelope[:, None]], [eeg])
    forward = theirs.to_forward([eeg])
    ours = maps.pattern([(eeg, predicted[0][:, 0])], 0, 0)
    np.testing.assert_allclose(ours[0], np.ravel(forward.weights) / 64, atol=1e-6)


def test_a_channel_that_only_cancels_noise_has_weight_and_no_pattern():
    """The example of Haufe et al. 2014: the second channel is the noise of the first."""
    heard, noise = np.random.default_rng(1).normal(size=(2, 4000))
    eeg = np.stack([heard + noise, noise], axis=1)
    solved = ridge.solve(ridge.covariance(eeg, heard, 0, 0), 1e-6, 2, 0)
    assert solved.weights[0, 1] == pytest.approx(-1, abs=0.01)
    assert maps.pattern([(eeg, solved.decode(eeg))], 0, 0)[0] == pytest.approx([1, 0], abs=0.05)


def test_the_channel_that_is_needed_is_found():
    eeg = np.random.default_rng(2).normal(size=(1000, 4)).astype(np.float32)
    result = maps.permuted(lambda values: values[:, 2] + 0.1 * values[:, 0], eeg, eeg[:, 2])
    assert result.argmax() == 2
    assert result[2] > 0.5
    assert result[[1, 3]] == pytest.approx(0)
