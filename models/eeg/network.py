"""The Conformer decoders, v1 and v2: EEG [batch, time, channels] to the envelope [batch, time].

    EEG [batch, time, channels]
      → front end: three convolutions over time                          [batch, time, width]   `FrontEnd`
      → squeeze-and-excitation, + subject embedding, + positions: inputs [batch, time, width]   `Conformer.details`
      → Conformer blocks: out                                            [batch, time, width]   `Block`
      → v2: gradient × scale; g · out + (1 − g) · inputs, g = gate(out)  [batch, time, width]   `Gate`
      → head: one linear layer (v1) or an MLP (v2)                       [batch, time]          `MLPHead`

The blocks are those of Gulati et al. (Interspeech 2020), whose sections stand beside the parts, but for layer norm in the
convolution module, since batches are small, and rotary positions. v2's three changes can each be switched by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import glu, scaled_dot_product_attention, silu

from models.kernels.convolution import TimeConv
from models.kernels.dropout import Dropout
from models.kernels.norms import LayerNorm
from models.kernels.products import Linear
from models.kernels.rotation import rotated_in_one
from models.settings import contradiction

UNKNOWN = 0  # the subject index of anyone the network has not met in training


@dataclass(frozen=True)
class NetworkConfig:
    """All that is needed to build a decoder; the checkpoint keeps it."""

    kind: str = "conformer"  # or "ridge"
    version: str = "v2"
    channels: int = 64
    subjects: int = 0  # training subjects; 0 leaves the embedding out
    width: int = 256
    blocks: int = 8
    heads: int = 4
    feed_forward: int = 1024
    kernel: int = 31
    dropout: float = 0.1
    front_dropout: float = 0.3
    conv_norm: str = "layer"
    gradient_scale: float = 2.0
    gated_residual: bool = True
    mlp_head: bool = True
    first_lag: int = 0  # of the linear decoder, in samples
    last_lag: int = 16


class Details(NamedTuple):
    """What a Conformer did beside decoding.

    excitation: [batch, width], how far squeeze-and-excitation opens each feature (0 to 1).
    gate: [batch, width], how far v2's gate opens towards the blocks (0 to 1); empty where there is none.
    """

    excitation: Tensor
    gate: Tensor


def build(config: NetworkConfig) -> Conformer | LinearDecoder:
    """The decoder that a config describes."""
    if config.kind == "ridge":
        return LinearDecoder(config.channels, config.first_lag, config.last_lag)
    if config.kind != "conformer" or config.version not in ("v1", "v2"):
        raise contradiction(
            "there is no decoder {decoder} {version}", decoder=config.kind, version=config.version
        )
    return Conformer(config)


class LinearDecoder(nn.Module):
    """The backward model: the envelope at t is a weighted sum of all channels from t + first_lag to t + last_lag.

    Its weights [lags, channels] and bias are solved for in `ridge.py`, not descended to.
    """

    def __init__(self, channels: int, first_lag: int, last_lag: int) -> None:
        super().__init__()
        self.first_lag, self.last_lag = first_lag, last_lag
        self.weight = nn.Parameter(torch.zeros(last_lag - first_lag + 1, channels))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, eeg: Tensor, subject: Tensor | None = None) -> Tensor:
        """eeg: [batch, time, channels]; beyond both ends it is taken for zero. Returns [batch, time]."""
        padded = nn.functional.pad(eeg.transpose(1, 2), (max(0, -self.first_lag), max(0, self.last_lag)))
        padded = padded[..., max(0, self.first_lag) :]
        kernel = self.weight.T[None]
        return nn.functional.conv1d(padded, kernel)[:, 0, : eeg.shape[1]] + self.bias


class Conformer(nn.Module):
    """Both versions. `forward` decodes; `details` also says how far gates and excitation open."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        v2 = config.version == "v2"
        self.front = FrontEnd(config.channels, width, config.front_dropout)
        self.excitation = SqueezeExcitation(width)
        self.subjects = nn.Embedding(config.subjects + 1, width) if config.subjects else None
        if self.subjects is not None:
            nn.init.normal_(self.subjects.weight, std=0.02)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.gradient_scale = config.gradient_scale if v2 else 1.0
        self.gate = Gate(width) if v2 and config.gated_residual else None
        self.sums_residual = v2 and not config.gated_residual
        self.opened: Tensor | None = None  # how far the gate stood open in the last batch, 0 to 1
        self.head: nn.Module = (
            MLPHead(width, config.dropout) if v2 and config.mlp_head else nn.Linear(width, 1)
        )

    def forward(self, eeg: Tensor, subject: Tensor | None = None) -> Tensor:
        """eeg: [batch, time, channels]; subject: int64 [batch], 0 or nothing for unknown. Returns [batch, time]."""
        return self.details(eeg, subject)[0]

    def details(self, eeg: Tensor, subject: Tensor | None = None) -> tuple[Tensor, Details]:
        """(envelope [batch, time], `Details`)."""
        features = self.front(eeg)  # [batch, time, width]
        features, opened = self.excitation(features)
        if self.subjects is not None:
            if subject is None:
                subject = torch.full((len(eeg),), UNKNOWN, device=eeg.device)
            features = features + self.subjects(subject)[:, None]  # the same at every step
        inputs = features + sinusoidal_positions(features.shape[1], features.shape[2], features)
        rotation = rotary_angles(eeg.shape[1], self.config.width // self.config.heads, features)
        out = inputs
        for block in self.blocks:
            out = block(out, rotation)  # [batch, time, width]
        gate = features.new_zeros(len(features), 0)
        if self.gradient_scale != 1:
            out = scale_gradient(out, self.gradient_scale)
        if self.gate is not None:
            gate = self.gate(out)
            self.opened = gate.detach().mean()
            out = inputs + gate[:, None] * (out - inputs)  # g · out + (1 − g) · inputs
        elif self.sums_residual:
            out = out + inputs
        return self.head(out)[..., 0], Details(opened, gate)


class FrontEnd(nn.Module):
    """Three convolutions over time, each normalised, rectified and dropped out. [b, t, channels] → [b, t, width]."""

    def __init__(self, channels: int, width: int, dropout: float) -> None:
        super().__init__()
        sizes = [(channels, 7), (width, 5), (width, 3)]
        self.convolutions = nn.ModuleList(TimeConv(n, width, k) for n, k in sizes)
        self.norms = nn.ModuleList(LayerNorm(width) for _ in sizes)
        self.activation = nn.LeakyReLU()
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, time, channels] → [batch, time, width]."""
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = self.dropout(self.activation(norm(convolution(x))))
        return x


class SqueezeExcitation(nn.Module):
    """Weighs each feature by what the whole stretch holds (Hu et al., CVPR 2018); no bias."""

    def __init__(self, width: int, reduction: int = 16) -> None:
        super().__init__()
        inner = max(1, width // reduction)
        self.squeeze = nn.Linear(width, inner, bias=False)
        self.excite = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(weighted x [batch, time, width], weights [batch, width])."""
        weights = torch.sigmoid(self.excite(torch.relu(self.squeeze(x.mean(1)))))
        return x * weights[:, None], weights


class Block(nn.Module):
    """A Conformer block (section 2.4): half feed-forward, self-attention, convolution, half feed-forward, LayerNorm; each
    with a residual, and a norm of its own at its beginning."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.first = FeedForward(config.width, config.feed_forward, config.dropout)
        self.attention = Attention(config.width, config.heads, config.dropout)
        self.convolution = ConvolutionModule(config.width, config.kernel, config.dropout, config.conv_norm)
        self.second = FeedForward(config.width, config.feed_forward, config.dropout)
        self.norm = LayerNorm(config.width)

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        """[batch, time, width] → the same; rotation: of the attention, see `rotary_angles`."""
        x = x + 0.5 * self.first(x)  # x̃ = x + ½ FFN(x)
        x = x + self.attention(x, rotation)  # x′ = x̃ + MHSA(x̃)
        x = x + self.convolution(x)  # x″ = x′ + Conv(x′)
        x = x + 0.5 * self.second(x)
        return self.norm(x)  # LayerNorm(x″ + ½ FFN(x″))


class FeedForward(nn.Sequential):
    """LayerNorm, Linear, Swish, Linear, with dropout after either (section 2.3): [batch, time, width] → the same."""

    def __init__(self, width: int, inner: int, dropout: float) -> None:
        super().__init__(
            LayerNorm(width),
            Linear(width, inner),
            nn.SiLU(),
            Dropout(dropout),
            Linear(inner, width),
            Dropout(dropout),
        )


class Attention(nn.Module):
    """Self-attention (section 2.1) whose scores depend on how far apart two steps are, not on where they lie.

    Queries and keys are rotated by their positions (rotary embedding, Su et al. 2021): relative, of any length, without
    weights of its own, and it leaves the fused attention kernels usable.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.attention_dropout = heads, dropout
        self.norm = LayerNorm(width)
        self.project = Linear(width, 3 * width)
        self.out = Linear(width, width)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        """[batch, time, width] → the same; rotation: cosines and sines of the positions, see `rotary_angles`."""
        batch, time, width = x.shape
        # [batch, time, 3 for q, k and v, heads, width / heads]
        qkv = self.project(self.norm(x)).view(batch, time, 3, self.heads, -1)
        if torch.compiler.is_compiling():
            q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # each [batch, heads, time, width / heads]
            q, k = rotated(q, rotation), rotated(k, rotation)
        else:  # the same in one walk over memory
            q, k, v = rotated_in_one(qkv, *rotation).permute(2, 0, 3, 1, 4).unbind(0)
        # softmax(q kᵀ / √d) v. Dropout on the scores would leave the fused kernel of the CPU; the output's is enough.
        dropped = self.attention_dropout if self.training and x.is_cuda else 0.0
        attended = scaled_dot_product_attention(q, k, v, dropout_p=dropped)
        return self.dropout(self.out(attended.transpose(1, 2).reshape(batch, time, width)))


class ConvolutionModule(nn.Module):
    """The convolution module (section 2.2): pointwise, gated linear unit, depthwise over time, norm, Swish, pointwise. A
    pointwise convolution is a linear layer on each step."""

    def __init__(self, width: int, kernel: int, dropout: float, norm: str) -> None:
        super().__init__()
        self.before = LayerNorm(width)
        self.spread = Linear(width, 2 * width)
        self.depthwise = TimeConv(width, width, kernel, groups=width)
        self.kind = norm
        norms: dict[str, Any] = {
            "layer": lambda: LayerNorm(width),
            "group": lambda: nn.GroupNorm(1, width),
            "batch": lambda: nn.BatchNorm1d(width),
        }
        self.norm = norms[norm]()
        self.gather = Linear(width, width)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, time, width] → the same."""
        x = glu(self.spread(self.before(x)), dim=-1)  # a · sigmoid(b), of two halves
        x = self.depthwise(x)  # each feature over `kernel` steps
        x = self.norm(x) if self.kind == "layer" else self.norm(x.transpose(1, 2)).transpose(1, 2)
        return self.dropout(self.gather(silu(x)))


class Gate(nn.Module):
    """How much of each feature comes from the blocks, judged by the mean over time: [b, t, width] → [b, width]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = max(1, width // 4)
        self.layers = nn.Sequential(Linear(width, inner), nn.ReLU(), Linear(inner, width))

    def forward(self, x: Tensor) -> Tensor:
        """[batch, time, width] → shares from 0 to 1, [batch, width]."""
        return torch.sigmoid(self.layers(x.mean(1)))


class MLPHead(nn.Sequential):
    """[batch, time, width] → the envelope, [batch, time, 1], by one hidden layer."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__(
            LayerNorm(width),
            Linear(width, width // 2),
            nn.GELU(),
            Dropout(dropout),
            Linear(width // 2, 1),
        )


class _ScaledGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: float) -> Tensor:
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * ctx.scale, None


def scale_gradient(x: Tensor, scale: float) -> Tensor:
    """`x` itself; on the way back its gradient is multiplied by `scale`."""
    return _ScaledGradient.apply(x, scale)


def sinusoidal_positions(time: int, width: int, like: Tensor) -> Tensor:
    """[time, width]: sines, then cosines, of positions at geometrically spaced rates (Vaswani et al. 2017)."""
    angles = _angles(time, width // 2, like.device)
    table = torch.cat([angles.sin(), angles.cos()], dim=1)
    return nn.functional.pad(table, (0, width - table.shape[1])).to(like.dtype)


def rotary_angles(time: int, size: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """(cosines, sines), each [time, size], for `rotated`."""
    angles = _angles(time, size // 2, like.device)
    angles = torch.cat([angles, angles], dim=1)
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def rotated(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """x: [..., time, size]; each pair of features is turned by an angle that grows with the position."""
    first, second = x.chunk(2, dim=-1)
    cosines, sines = rotation
    return x * cosines + torch.cat([-second, first], dim=-1) * sines


def _angles(time: int, rates: int, device: torch.device) -> Tensor:
    rate = 10_000 ** (-torch.arange(rates, device=device, dtype=torch.float32) / max(1, rates))
    return torch.arange(time, device=device, dtype=torch.float32)[:, None] * rate
