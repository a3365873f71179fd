"""Sound that is separated as it comes: the same as one causal pass over all of it, however it is cut."""

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import UserError
from models.separation import beginning, network
from models.separation.network import NetworkConfig
from models.separation.separator import Separator, _scales
from models.separation.streaming import NetworkStream, StreamingSeparator, StreamResampler

SMALL = {
    "filters": 24,
    "filter_length": 16,
    "stride": 8,
    "bottleneck": 12,
    "skip": 10,
    "hidden": 14,
    "blocks": 3,
    "repeats": 2,
    "causal": True,
}
KINDS = [
    {"norm": "cLN"},
    {"norm": "frame", "edges": "none", "encoder_relu": True},
    {"norm": "cLN", "speakers": 3, "filter_length": 20, "stride": 8, "mask_activation": "softmax"},
    {"norm": "cLN", "kernel": 2, "filter_length": 7, "stride": 7, "mask_activation": "sigmoid"},
]


def causal(number=0):
    """A causal network whose every weight means something."""
    torch.manual_seed(number)
    built = network.build(NetworkConfig(**{**SMALL, **KINDS[number]})).eval()
    with torch.no_grad():
        for weight in built.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return built


def noise(samples, channels=1, seed=0):
    random = np.random.default_rng(seed)
    loud = np.repeat(random.uniform(0.01, 1, samples // 100 + 1), 100)[:samples]
    return (0.1 * loud * random.normal(size=(channels, samples))).astype(np.float32)


def pieces(sound, sizes):
    """`sound` [..., samples] cut into pieces of these sizes, again and again."""
    start = number = 0
    while start < sound.shape[-1]:
        size = sizes[number % len(sizes)]
        yield sound[..., start : start + size]
        start, number = start + size, number + 1


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(
    number=st.integers(0, len(KINDS) - 1),
    samples=st.integers(1, 900),
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=6),
)
def test_a_stream_is_what_one_pass_gives(number, samples, sizes):
    built = causal(number)
    sound = torch.from_numpy(noise(samples, seed=samples))
    with torch.inference_mode():
        whole = built(sound)[0]
    stream = NetworkStream(built)
    result = [stream.push(piece)[:, 0] for piece in pieces(sound, sizes)]
    result = torch.cat([*result, stream.finish()[:, 0]], -1)
    torch.testing.assert_close(result, whole, rtol=0, atol=1e-5 * float(whole.abs().max()))


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 8, 160, 4000])
def test_it_is_the_same_after_hundreds_of_pieces(size):
    """Running sums and the network's memory are carried on; nothing drifts."""
    built = causal()
    sound = torch.from_numpy(noise(min(480_000, 300 * size)))
    with torch.inference_mode():
        whole = built(sound)[0]
    stream = NetworkStream(built)
    result = torch.cat([*(stream.push(p)[:, 0] for p in pieces(sound, [size])), stream.finish()[:, 0]], -1)
    torch.testing.assert_close(result, whole, rtol=0, atol=1e-5 * float(whole.abs().max()))


@pytest.mark.parametrize("sizes", [[1], [33, 1, 900], [160]])
def test_channels_share_the_masks(sizes):
    built = causal()
    sound = torch.from_numpy(noise(1000, 3))
    stream = NetworkStream(built)
    result = torch.cat([*map(stream.push, pieces(sound, sizes)), stream.finish()], -1)
    with torch.inference_mode():
        coded = built.encode(sound)
        whole = built.decode(coded, built.mask_generator(coded[:1]), 1000).transpose(0, 1)
    torch.testing.assert_close(result, whole, rtol=0, atol=1e-5 * float(whole.abs().max()))


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000, 11_025])
@pytest.mark.parametrize("channels", [0, 2])
def test_tracks_do_not_depend_on_how_the_sound_comes(rate, channels):
    separator = Separator.of(causal(), 8000)
    sound = noise(rate // 2 + 3, max(1, channels), seed=rate)
    sound = sound if channels else sound[0]
    result = []
    for sizes in ([rate], [rate // 20], [1441, 97, 1300]):
        live = StreamingSeparator(separator, rate)
        parts = [live.push(piece) for piece in pieces(sound, sizes)]
        result.append(np.concatenate([*parts, live.finish()], -1))
        assert result[-1].shape == (2, *sound.shape)
    for other in result[1:]:
        np.testing.assert_allclose(other, result[0], rtol=0, atol=1e-5 * np.abs(result[0]).max())


def test_at_the_networks_rate_only_the_level_is_added():
    """… and the level is a factor a track and a tenth of a second, of the past alone, with which tracks add up to the mixture."""
    built = causal()
    beginning.begin_with_sines(built)
    separator = Separator.of(built, 8000)
    sound = noise(16_000)[0]
    live = StreamingSeparator(separator, 8000)
    result = live.finish(sound)
    with torch.inference_mode():
        whole = separator.network(torch.from_numpy(sound[None]))[0].numpy()
    # blocks of 50, 100, 200 and 400 samples, then of 800: at the beginning of the last whole one, what is drawn from all before
    # the one before it
    last, known = 750 + 18 * 800, 750 + 17 * 800
    wanted = _scales(whole[:, :known], sound[:known])
    assert (wanted > 0).all()
    for track, factor in enumerate(wanted):
        assert result[track, last] / whole[track, last] == pytest.approx(factor, rel=1e-3)
    later = sound.copy()
    later[8000:] = 0
    again = StreamingSeparator(separator, 8000).finish(later)
    np.testing.assert_array_equal(again[:, :7900], result[:, :7900])


@pytest.mark.parametrize("silent", [0, 3000])
def test_a_network_that_is_loud_by_itself_does_not_begin_with_a_bang(silent):
    built = causal()
    beginning.begin_with_sines(built)
    with torch.no_grad():
        built.decoder.weight.mul_(100)
    sound = noise(8000)[0]
    sound[:silent] = 0
    tracks = StreamingSeparator(Separator.of(built, 8000), 8000).finish(sound)
    assert np.abs(tracks).max() < 2 * np.abs(sound).max()
    heard = slice(silent + 300, silent + 1100)  # 40 ms after the first sound all of it is there
    np.testing.assert_allclose(
        np.sqrt(np.square(tracks.sum(0)[heard]).mean()), np.sqrt(np.square(sound[heard]).mean()), rtol=0.1
    )


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
def test_the_latency_is_kept_to(rate):
    """Sample by sample, tracks are never further behind than is stated, and now and then that far."""
    live = StreamingSeparator(Separator.of(causal(), 8000), rate)
    given, behind = 0, []
    for pushed, piece in enumerate(pieces(noise(400)[0], [1]), 1):
        given += live.push(piece).shape[-1]
        behind.append(pushed - given)
    sample_of_the_network = rate / 8000
    assert max(behind) <= live.latency_s * rate + 2 * sample_of_the_network + 1
    assert max(behind) >= 0.5 * live.latency_s * rate
    assert live.latency_s < 0.02


@pytest.mark.parametrize(("rate", "new"), [(16_000, 8000), (8000, 48_000), (44_100, 8000), (8000, 11_025)])
def test_another_rate_is_that_of_scipy(rate, new):
    sound = noise(2000, 2)
    stream = StreamResampler(rate, new)
    parts = [*map(stream.push, pieces(sound, [1, 50, 333])), stream.finish(sound[:, :0])]
    wanted = scipy.signal.resample_poly(sound, new, rate, axis=-1)
    np.testing.assert_allclose(np.concatenate(parts, -1), wanted, atol=1e-6)


def test_only_a_causal_network_can_do_it():
    built = network.build(NetworkConfig(**{**SMALL, "causal": False}))
    with pytest.raises(UserError, match="as it comes"):
        StreamingSeparator(Separator.of(built, 8000), 16_000)
