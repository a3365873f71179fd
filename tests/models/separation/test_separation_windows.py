"""Long sound in windows: nobody changes lanes, joints are not heard, and nothing is lost."""

import numpy as np
import pytest

from models.separation.windows import WindowJoiner

RATE = 1000


def talk(seconds, pitch, seed, pauses=True):
    """A voice of its own pitch and colour that pauses now and then; float32 [samples]."""
    random = np.random.default_rng(seed)
    times = np.arange(round(seconds * RATE)) / RATE
    voice = sum(
        np.sin(2 * np.pi * pitch * n * times + n) * 0.8**n for n in range(1, 8) if pitch * n < RATE / 2
    )
    loud = np.repeat(random.uniform(0.2, 1, int(seconds * 5) + 1), RATE // 5)[: len(times)]
    if pauses:
        still = np.repeat(random.random(int(seconds) + 1) < 0.35, RATE)[: len(times)]
        loud = loud * ~still
    return (voice * loud).astype(np.float32)


def in_any_order(truth, seed=0, leak=0.15):
    """A separator that knows the truth, and gives it in another order for each window, with some of the others in it."""
    random = np.random.default_rng(seed)
    mixture = truth.sum(0)

    def separate(window):
        length = window.shape[1]
        places = np.lib.stride_tricks.sliding_window_view(mixture, 64)
        start = next(
            at for at in np.flatnonzero(np.isclose(mixture[: len(mixture) - length + 1], window[0, 0], atol=1e-9))
            if np.array_equal(places[at], window[0, :64]) and np.array_equal(mixture[at : at + length], window[0])
        )  # fmt: skip
        own = truth[:, start : start + length]
        mixed = (1 - leak) * own + leak * own.sum(0)
        return mixed[random.permutation(len(truth))][:, None]

    return separate


def joined(joiner, sound, block):
    parts = [
        part
        for start in range(0, sound.shape[1], block)
        for part in joiner.push(sound[:, start : start + block])
    ]
    return np.concatenate([*parts, *joiner.finish()], axis=-1)


@pytest.mark.slow
@pytest.mark.parametrize("speakers", [2, 3])
def test_speakers_keep_their_lanes_for_an_hour(speakers):
    truth = np.stack([talk(3600, pitch, seed) for seed, pitch in enumerate([60, 95, 130][:speakers])])
    truth += 1e-6 * np.random.default_rng(9).normal(0, 1, truth.shape).astype(
        np.float32
    )  # so that places differ
    joiner = WindowJoiner(_by_place(truth), 8 * RATE, 2 * RATE)
    mixture = truth.sum(0)[None]
    result = joined(joiner, mixture, 30 * RATE)[:, 0]
    assert result.shape == truth.shape
    minutes = result.reshape(speakers, -1, 30 * RATE)
    wanted = truth.reshape(speakers, -1, 30 * RATE)
    agreement = np.einsum("lmt,smt->mls", minutes, wanted)
    lanes = agreement.argmax(-1)
    assert (lanes == lanes[0]).all(), "somebody changed lanes"
    assert sorted(lanes[0]) == list(range(speakers))


def _by_place(truth, leak=0.15, seed=0):
    """As `in_any_order`, where the windows come one after the other and so need not be looked for."""
    random = np.random.default_rng(seed)
    window, hop, number = 8 * RATE, 6 * RATE, [0]
    total = truth.shape[1]

    def separate(sound):
        start = min(number[0] * hop, total - window)
        number[0] += 1
        own = truth[:, start : start + sound.shape[1]]
        np.testing.assert_allclose(own.sum(0), sound[0], atol=1e-5)
        return ((1 - leak) * own + leak * own.sum(0))[random.permutation(len(truth))][:, None]

    return separate


@pytest.mark.parametrize("block", [1, 7, 50, 1000])
@pytest.mark.parametrize("samples", [1, 99, 100, 101, 160, 161, 162, 1234])
def test_nothing_is_lost_whatever_the_blocks(samples, block):
    sound = np.random.default_rng(samples).normal(size=(2, samples)).astype(np.float32)
    joiner = WindowJoiner(lambda heard: np.stack([heard, -2 * heard]), 100, 40)
    result = joined(joiner, sound, block)
    np.testing.assert_allclose(result, np.stack([sound, -2 * sound]), atol=1e-5)


def test_orders_are_found_again_in_short_windows():
    truth = np.stack([talk(20, 60, 1, pauses=False), talk(20, 110, 2, pauses=False)])
    joiner = WindowJoiner(in_any_order(truth), 1000, 400)
    result = joined(joiner, truth.sum(0)[None], 1500)[:, 0]
    errors = [
        np.abs(result - 0.85 * truth[list(order)] - 0.15 * truth.sum(0)).max() for order in ((0, 1), (1, 0))
    ]
    assert min(errors) < 1e-4


def test_a_silent_overlap_is_bridged_by_the_voices():
    """Windows meet in silence every time: who is who must be told by what they sound like."""
    seconds = 61
    truth = np.stack([talk(seconds, 60, 1, pauses=False), talk(seconds, 130, 2, pauses=False)])
    times = np.arange(truth.shape[1]) / RATE
    truth[:, (times % 6) < 2.2] = 0  # the windows of 8 s begin every 6 s
    truth += 1e-7 * np.random.default_rng(3).normal(0, 1, truth.shape).astype(np.float32)
    result = joined(WindowJoiner(_by_place(truth), 8 * RATE, 2 * RATE), truth.sum(0)[None], 5000)[:, 0]
    pieces = result[:, : 60 * RATE].reshape(2, -1, 6 * RATE)
    wanted = truth[:, : 60 * RATE].reshape(2, -1, 6 * RATE)
    lanes = np.einsum("lmt,smt->mls", pieces, wanted).argmax(-1)
    assert (lanes == lanes[0]).all()


def test_memory_is_that_of_a_window():
    joiner = WindowJoiner(lambda heard: np.stack([heard, heard]), 100, 40)
    for _ in range(500):
        joiner.push(np.zeros((1, 37), dtype=np.float32))
        assert joiner._heard.shape[1] <= 100 + 60 + 37  # a window, what waits for the next, a block


def test_an_overlap_must_suit_its_window():
    for overlap in (0, 51):
        with pytest.raises(ValueError, match="overlap"):
            WindowJoiner(lambda heard: heard, 100, overlap)
