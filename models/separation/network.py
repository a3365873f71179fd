"""Conv-TasNet (Luo & Mesgarani, "Conv-TasNet: Surpassing ideal time–frequency magnitude masking for speech separation",
IEEE/ACM TASLP 27(8), 2019; section and letters below are the paper's), from the whole to its parts:

    mixture x [batch, samples]
      → encoder      w = H(x U)         [batch, frames, N]                  section II-B, `ConvTasNet.encode`
      → separator    m_1 … m_C          [batch, frames, speakers, N]        section II-C, `MaskGenerator`, of `Block`s
      → decoder      ŝ_i = (w ⊙ m_i) V  [batch, speakers, samples]          section II-B, `ConvTasNet.decode`

Weights have the names of `torchaudio.models.ConvTasNet`, so that its state dicts are ours. `time_major` computes the separator
faster, with the same result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, pad

from models.kernels.conv_stack import EPS
from models.separation import time_major


@dataclass(frozen=True)
class NetworkConfig:
    """What a Conv-TasNet is made of; the letters are the paper's.

    edges: samples of silence that the encoder is given at either end: half a filter, or none, as Asteroid has it.
    norm: over all of an item (gLN), over all up to a frame (cLN), or within each frame.
    """

    speakers: int = 2
    filters: int = 512  # N
    filter_length: int = 16  # L
    stride: int = 8
    bottleneck: int = 128  # B
    skip: int = 128  # Sc
    hidden: int = 256  # H
    kernel: int = 3  # P
    blocks: int = 8  # X
    repeats: int = 3  # R
    norm: Literal["gLN", "cLN", "frame"] = "gLN"
    causal: bool = False
    mask_activation: Literal["relu", "sigmoid", "softmax"] = "relu"
    encoder_relu: bool = False
    edges: Literal["half", "none"] = "half"

    @property
    def dilations(self) -> list[int]:
        return [2**block for _ in range(self.repeats) for block in range(self.blocks)]

    @property
    def receptive_field(self) -> int:
        """Frames that one output frame is made from."""
        return 1 + sum((self.kernel - 1) * dilation for dilation in self.dilations)


class ConvTasNet(nn.Module):
    """Waveforms of mixtures in, one waveform a speaker out (section II-A)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        length, stride = config.filter_length, config.stride
        self.encoder = nn.Conv1d(1, config.filters, length, stride, bias=False)  # U: [N, 1, L]
        self.mask_generator = MaskGenerator(config)
        self.decoder = nn.ConvTranspose1d(config.filters, 1, length, stride, bias=False)  # V: [N, 1, L]
        self.largest_mask = torch.zeros(())  # of the last training batch: over 1 where a voice was amplified

    def forward(self, mixture: Tensor) -> Tensor:
        """float32 [batch, samples], at least 1 → [batch, speakers, samples]."""
        coded = self.encode(mixture)
        masks = self.mask_generator(coded)
        if self.training:
            self.largest_mask = masks.detach().amax()
        return self.decode(coded, masks, mixture.shape[-1])

    def encode(self, sound: Tensor) -> Tensor:
        """[batch, samples] → [batch, frames, filters]."""
        samples = sound.shape[-1]
        before, frames = self.framing(samples)
        used = (frames - 1) * self.config.stride + self.config.filter_length
        return self.encode_frames(pad(sound, (before, max(0, used - before - samples)))[..., :used])

    def encode_frames(self, padded: Tensor) -> Tensor:
        """[batch, samples] of whole frames, from the first one's first sample → [batch, frames, filters].

        w = H(x U), H being nothing or a ReLU: what the convolution `encoder` gives, frames before filters.
        """
        segments = padded.unfold(-1, self.config.filter_length, self.config.stride)  # [batch, frames, length]
        coded = segments @ self.encoder.weight[:, 0].t()
        return coded.relu() if self.config.encoder_relu else coded

    def decode(self, coded: Tensor, masks: Tensor, samples: int) -> Tensor:
        """[batch, frames, filters] under masks [batch or 1, frames, speakers, filters] → [batch, speakers, samples]."""
        before, _ = self.framing(samples)
        sound = self.decode_frames(coded, masks)[..., before : before + samples]
        return pad(sound, (0, samples - sound.shape[-1]))

    def decode_frames(self, coded: Tensor, masks: Tensor) -> Tensor:
        """As `decode`, with all that the frames reach: [batch, speakers, (frames - 1) · stride + length].

        ŝ_i = (w ⊙ m_i) V, then overlap-add: what the transposed convolution `decoder` gives.
        """
        masked = masks * coded.unsqueeze(2)  # [batch, frames, speakers, filters]
        pieces = masked @ self.decoder.weight[:, 0]  # [batch, frames, speakers, length]
        return _overlapped(pieces.transpose(1, 2), self.config.stride)

    def framing(self, samples: int) -> tuple[int, int]:
        """(silence before the first sample, frames)."""
        length, stride = self.config.filter_length, self.config.stride
        if self.config.edges == "none":
            return 0, max(0, samples - length) // stride + 1
        # As torchaudio has it: the end is padded to whole strides, then both ends by one stride.
        odd = length % 2
        whole = odd + -(-max(0, samples - odd) // stride) * stride
        return stride, max(0, whole + 2 * stride - length) // stride + 1


def _overlapped(pieces: Tensor, stride: int) -> Tensor:
    """Add up pieces [..., frames, length] that begin `stride` samples apart: [..., samples]."""
    frames, length = pieces.shape[-2:]
    parts = -(-length // stride)
    pieces = pad(pieces, (0, parts * stride - length)).unflatten(-1, (parts, stride))
    total: Tensor | None = None
    for part in range(parts):
        shifted = pad(pieces[..., part, :], (0, 0, part, parts - 1 - part))
        total = shifted if total is None else total + shifted
    assert total is not None
    return total.flatten(-2)[..., : (frames - 1) * stride + length]


class MaskGenerator(nn.Module):
    """From the encoder's frames to one mask a speaker (section II-C): a norm and a 1×1 convolution down to B channels, R
    repeats of X blocks whose dilations double, and from the sum of their skips a PReLU and a 1×1 convolution up."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.input_norm = _norm(config, config.filters)
        self.input_conv = nn.Conv1d(config.filters, config.bottleneck, 1)
        dilations = config.dilations
        self.conv_layers = nn.ModuleList(
            Block(config, dilation, last=number == len(dilations) - 1)
            for number, dilation in enumerate(dilations)
        )
        self.output_prelu = nn.PReLU()
        self.output_conv = nn.Conv1d(config.skip, config.speakers * config.filters, 1)

    def forward(self, frames: Tensor, past: Past | None = None) -> Tensor:
        """[batch, frames, filters] → masks [batch, frames, speakers, filters].

        past: of the frames before, where a causal network hears a sound bit by bit; it is brought up to date.
        """
        config = self.config
        known = time_major.serves(config.norm, config.causal, config.kernel, frames)
        if known and past is None and not torch.compiler.is_compiling():
            masks = time_major.masks(self, config.dilations, frames)
        else:
            normed = _applied(self.input_norm, frames.transpose(1, 2), past)  # [batch, N, frames]
            features = self.input_conv(normed)  # [batch, B, frames]
            total = torch.zeros((), dtype=features.dtype, device=features.device)
            for block in self.conv_layers:
                features, skip = block(features, past)
                total = total + skip  # [batch, Sc, frames]
            masks = self.output_conv(self.output_prelu(total)).transpose(1, 2)  # [batch, frames, C · N]
        masks = masks.unflatten(-1, (config.speakers, config.filters))
        if config.mask_activation == "relu":
            return masks.relu() if masks.requires_grad else masks.relu_()
        return masks.sigmoid() if config.mask_activation == "sigmoid" else masks.softmax(2)


class Block(nn.Module):
    """The 1-D convolutional block (section II-D): 1×1, PReLU, norm, depthwise, PReLU, norm, and from there by a 1×1 each
    a residual, which the last block lacks since nobody reads it, and a skip."""

    def __init__(self, config: NetworkConfig, dilation: int, last: bool) -> None:
        super().__init__()
        hidden = config.hidden
        self.conv_layers = nn.Sequential(
            nn.Conv1d(config.bottleneck, hidden, 1),
            nn.PReLU(),
            _norm(config, hidden),
            Depthwise(hidden, config.kernel, dilation, config.causal),
            nn.PReLU(),
            _norm(config, hidden),
        )
        self.res_out = None if last else nn.Conv1d(hidden, config.bottleneck, 1)
        self.skip_out = nn.Conv1d(hidden, config.skip, 1)

    def forward(self, features: Tensor, past: Past | None = None) -> tuple[Tensor, Tensor]:
        """[batch, bottleneck, frames] → (the same with the residual added, skip [batch, skip, frames])."""
        inside = features
        for layer in self.conv_layers:
            inside = _applied(layer, inside, past)  # [batch, H, frames]
        on = features if self.res_out is None else features + self.res_out(inside)
        return on, self.skip_out(inside)


def _norm(config: NetworkConfig, channels: int) -> nn.Module:
    """Of [batch, channels, frames]: over channels and time (gLN), over all up to a frame (cLN), or frame by frame."""
    if config.norm == "gLN":
        return nn.GroupNorm(1, channels, eps=EPS)
    return CumulativeNorm(channels) if config.norm == "cLN" else FrameNorm(channels)


def _applied(layer: nn.Module, values: Tensor, past: Past | None) -> Tensor:
    """The layer on `values`; those of a causal network that look back get what came before."""
    return layer(values, past) if isinstance(layer, CumulativeNorm | Depthwise) else layer(values)


class Depthwise(nn.Conv1d):
    """A dilated convolution of each channel by itself that keeps the length: centred, or looking back only."""

    def __init__(self, channels: int, kernel: int, dilation: int, causal: bool) -> None:
        reach = (kernel - 1) * dilation
        padding = 0 if causal else reach // 2
        super().__init__(channels, channels, kernel, padding=padding, dilation=dilation, groups=channels)
        self.reach = reach if causal else 0

    def forward(self, input: Tensor, past: Past | None = None) -> Tensor:
        """[batch, channels, time] → the same; past: what a causal network keeps of the piece before."""
        if not self.reach:
            return super().forward(input)
        before = None if past is None else past.frames.get(self)
        padded = pad(input, (self.reach, 0)) if before is None else torch.cat([before, input], -1)
        if past is not None:
            past.frames[self] = padded[..., -self.reach :]
        return super().forward(padded)


class CumulativeNorm(nn.Module):
    """cLN (section II-D): layer norm over all channels of all frames up to each frame, what a causal network can know.

    The variance is E[F²] − E[F]², of running sums in double precision where rounding would show.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, values: Tensor, past: Past | None = None) -> Tensor:
        """[batch, channels, frames] → the same."""
        wide = values.double() if past is not None or values.device.type == "cpu" else values.float()
        totals = Totals() if past is None else past.sums.setdefault(self, Totals())
        first, last = totals.frames + 1, totals.frames + values.shape[2]
        counts = values.shape[1] * torch.arange(first, last + 1, device=values.device, dtype=wide.dtype)
        sums = wide.sum(1).cumsum(-1) + totals.sum
        powers = wide.square().sum(1).cumsum(-1) + totals.power
        if past is not None:
            past.sums[self] = Totals(last, sums[..., -1:], powers[..., -1:])
        mean, power = sums / counts, powers / counts
        rstd = (power - mean.square()).clamp(min=0).add(EPS).rsqrt()
        normed = (wide - mean.unsqueeze(1)) * rstd.unsqueeze(1)
        return normed.to(values.dtype) * self.weight[:, None] + self.bias[:, None]


class FrameNorm(nn.Module):
    """Layer norm over the channels of each frame by itself."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, values: Tensor) -> Tensor:
        """[batch, channels, frames] → the same."""
        normed = layer_norm(values.transpose(1, 2), values.shape[1:2], self.weight, self.bias, EPS)
        return normed.transpose(1, 2)


class Past:
    """What the layers of a causal network keep of the sound that came before, where it comes bit by bit.

    A network that is given the whole sound at once needs none.
    """

    def __init__(self) -> None:
        self.sums: dict[nn.Module, Totals] = {}
        self.frames: dict[nn.Module, Tensor] = {}  # the last ones that a convolution saw


@dataclass
class Totals:
    """Frames that a `CumulativeNorm` has met, their sum over channels and their power, [batch, 1]."""

    frames: int = 0
    sum: Tensor | float = 0.0
    power: Tensor | float = 0.0


def build(config: NetworkConfig) -> ConvTasNet:
    """A fresh network, drawn from torch's global generator."""
    return ConvTasNet(config)
