"""What a Conv-TasNet's weights are before training: of their own, or of a smaller network that it grows from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from models import audio, checkpoint
from models.loading import network_config
from models.separation.network import Block, ConvTasNet, NetworkConfig, build
from models.separation.samples import sample_mixtures

BLOCK_SIZES = ("bottleneck", "skip", "hidden", "kernel", "blocks")  # that weights of blocks have in common


def grow(network: ConvTasNet, start: Path, sample_rate: int) -> None:
    """Let a network that takes over a checkpoint's weights begin as that one was where it has more: more repeats, or twice
    its sample rate. Where neither is so, it is left as it is."""
    weights, info = checkpoint.load(start, "separation")
    given = network_config(NetworkConfig, info.network, info.title)
    if any(getattr(given, name) != getattr(network.config, name) for name in BLOCK_SIZES):
        return
    begin_silent(network, len(given.dilations))
    narrow = build(given)
    whole = narrow.state_dict().keys() == weights.keys()
    if (
        2 * info.preprocessing.get("sample_rate", 0) == sample_rate
        and is_twice(given, network.config)
        and whole
    ):
        narrow.load_state_dict({name: weight.float() for name, weight in weights.items()})
        sound = audio.read(sample_mixtures()[0].mixture, sample_rate)
        begin_at_twice_the_rate(network, narrow, torch.from_numpy(sound)[None])


@torch.no_grad()
def begin_with_sines(network: ConvTasNet) -> None:
    """Let the filters begin as sines and cosines under a window of which the decoder undoes what the encoder did, and
    the masks near an even share: the untrained network gives each speaker the mixture, and need not learn to first.

    The frequencies lie evenly and the squared windows add up to 1 over the hop of half a filter, so that encoder and
    decoder are one tight frame and may be the same filters. With a ReLU behind the encoder each filter is there with
    both signs, of which one passes (as in Ditter & Gerkmann, ICASSP 2020).
    """
    config = network.config
    signs = 2 if config.encoder_relu else 1
    pairs, length = config.filters // (2 * signs), config.filter_length
    if 2 * pairs < length or config.filters % (2 * signs) or 2 * config.stride != length:
        raise ValueError(f"{config.filters} filters of {length} samples are no tight frame of sines")
    times = torch.arange(length, dtype=torch.float64)
    angles = torch.pi * (torch.arange(pairs, dtype=torch.float64)[:, None] + 0.5) / pairs * times
    window = torch.sin(torch.pi * (times + 0.5) / length)
    filters = torch.cat([angles.cos(), angles.sin()]) * window / pairs**0.5
    filters = torch.cat([filters, -filters]) if config.encoder_relu else filters
    network.encoder.weight.copy_(filters[:, None])
    network.decoder.weight.copy_(filters[:, None])
    last = network.mask_generator.output_conv
    assert last.bias is not None
    last.weight.mul_(0.1)
    if config.mask_activation == "relu":
        last.bias.fill_(1.0 / config.speakers)


@torch.no_grad()
def begin_silent(network: ConvTasNet, blocks: int) -> None:
    """Let the blocks after the first so many add nothing, so that a network that takes those over from a shallower one
    begins as that one was, and grows from there (as residuals that begin at 0; Goyal et al. 2017, section 5.1)."""
    layers = network.mask_generator.conv_layers
    for number in range(max(0, blocks - 1), len(layers)):
        block = layers[number]
        assert isinstance(block, Block)
        silent = [block.res_out] if number < blocks else [block.res_out, block.skip_out]
        for layer in silent:
            if layer is not None:
                layer.weight.zero_()
                assert layer.bias is not None
                layer.bias.zero_()


def is_twice(given: NetworkConfig, own: NetworkConfig) -> bool:
    """Whether a network is another one at twice its sample rate: twice as many filters of twice as many samples at twice the
    hop, enough of them for sines, and for the rest alike."""
    alike = replace(
        given, filters=own.filters, filter_length=own.filter_length, stride=own.stride, repeats=own.repeats
    )
    twice = 2 * given.filters, 2 * given.filter_length, 2 * given.stride
    signs = 2 if own.encoder_relu else 1
    return (
        alike == own
        and (own.filters, own.filter_length, own.stride) == twice
        and own.filters % (4 * signs) == 0
        and own.filters >= signs * own.filter_length == 2 * signs * own.stride
    )


@torch.no_grad()
def begin_at_twice_the_rate(network: ConvTasNet, narrow: ConvTasNet, sound: Tensor) -> None:
    """Let a network begin, below half of its band, as `narrow` is at half the sample rate; above, with sines.

    Both have frames of the same duration, and this one twice as many filters of twice as many samples. The first half of
    the filters are the other's, interpolated; the second half are the upper ones of `begin_with_sines`, which the
    separator does not look at yet and of which each speaker gets an even share. The blocks are as large as the other's
    and are not touched: they are taken over as they are.

    sound: speech [1, samples] at the network's rate. The first norm is over all filters; by what both norms find in it, the
    other's filters come out of this one as they do there.
    """
    own, given, count = network.config, narrow.config, narrow.config.filters
    if not is_twice(given, own):
        raise ValueError(f"{own} is not {given} at twice the rate")
    begin_with_sines(network)
    upper = _upper_sines(own)
    for layer, others, scale in (
        (network.encoder, narrow.encoder, 0.5),  # it sums twice as many products
        (network.decoder, narrow.decoder, 1.0),
    ):
        layer.weight[count:] = layer.weight[upper]
        layer.weight[:count] = scale * _interpolated(others.weight)
    ours, theirs = (dict(part.mask_generator.named_parameters()) for part in (network, narrow))
    coded = network.encode(sound)
    spread = coded.std(correction=0) / coded[..., :count].std(correction=0)
    shift = (coded.mean() - coded[..., :count].mean()) / coded[..., :count].std(correction=0)
    gain = theirs["input_norm.weight"]
    ours["input_norm.weight"][:count] = gain * spread
    ours["input_norm.bias"][:count] = theirs["input_norm.bias"] + gain * shift
    ours["input_conv.weight"].zero_()
    ours["input_conv.weight"][:, :count] = theirs["input_conv.weight"]
    ours["output_conv.weight"].zero_()
    for name in ("output_conv.weight", "output_conv.bias"):
        masks = ours[name].unflatten(0, (own.speakers, own.filters))
        masks[:, :count] = theirs[name].unflatten(0, (own.speakers, count))


def _upper_sines(config: NetworkConfig) -> Tensor:
    """The numbers of the filters of `begin_with_sines` that are tuned to the upper half of the band, int64 [filters / 2]."""
    groups = 4 if config.encoder_relu else 2  # cosines, sines, and both with the other sign
    number = torch.arange(config.filters).unflatten(0, (groups, -1))
    return number[:, number.shape[1] // 2 :].flatten()


def _interpolated(filters: Tensor) -> Tensor:
    """Filters [filters, 1, length] as they sound at twice the sample rate: [filters, 1, 2 · length]."""
    from scipy.signal import resample_poly

    return torch.from_numpy(resample_poly(filters.double().numpy(), 2, 1, axis=-1)).to(filters)
