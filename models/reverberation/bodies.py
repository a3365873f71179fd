"""What the nineteen roles compute: bodies from [batch, time, d] to [batch, time, d].

All take (x, mask); mask [batch, time] is true where there is sound sequence and false in the padding, None without
padding. A body never lets padding reach a valid step.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.kernels import choice
from models.kernels.choice import without_autocast
from models.kernels.convolution import TimeConv
from models.kernels.dropout import Dropout
from models.kernels.mean_attention import mean_attention
from models.kernels.products import Linear
from models.kernels.recurrent import run_recurrent

Mask = Tensor | None


def time_mean(x: Tensor, mask: Mask) -> Tensor:
    """[…, batch, time, d] → […, batch, d]: the mean over the steps that are not padding; mask: [batch, time], or how
    often each step counts."""
    if mask is None:
        return x.mean(-2)
    weights = mask.to(x.dtype)
    return torch.einsum("...btd,bt->...bd", x, weights / weights.sum(1, keepdim=True))


class SelfAttention(nn.Module):
    """Multi-head self-attention, [batch, time, d] → the same; padding is not attended to."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = Linear(d, 3 * d)
        self.out = Linear(d, d)
        nn.init.xavier_uniform_(self.qkv.weight)
        nn.init.zeros_(self.qkv.bias)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor, mask: Mask = None) -> Tensor:
        """[batch, time, d] → the same; mask [batch, time]: which steps are no padding."""
        return self.out(self._attended(x, None if mask is None else mask[:, None, None, :]))

    def mean(self, x: Tensor, counts: Tensor | None = None) -> Tensor:
        """The mean of the output over all tokens, [batch, d]; `counts` as in `mean_attention`. The output layer is
        linear, so it comes after the mean."""
        if choice.for_caches(x):
            return self.out(mean_attention(x, self.qkv.weight, self.qkv.bias, self.heads, counts))
        if counts is None:
            return self.out(self._attended(x, None).mean(1))
        wide = torch.promote_types(x.dtype, torch.float32)
        with without_autocast(x):  # logarithms of counts need their digits
            x, counts = x.to(wide), counts.to(wide)
            more = counts.log()[:, None, None, :]  # a token that occurs twice takes twice the share
            mean = time_mean(self._attended(x, more), counts.expand(x.shape[:2]))
        return self.out(mean)

    def _attended(self, x: Tensor, allowed: Tensor | None) -> Tensor:
        batch, time, d = x.shape
        qkv = self.qkv(x).view(batch, time, 3, self.heads, d // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
        return attended.transpose(1, 2).reshape(x.shape)


class Conv(TimeConv):
    """Convolution over time of [batch, time, d], as long as its input; padding counts as zero."""

    def __init__(self, d: int, width: int) -> None:
        super().__init__(d, d, width)

    def forward(self, x: Tensor, mask: Mask = None) -> Tensor:
        """[batch, time, d] → the same; mask [batch, time]: which steps are no padding."""
        return super().forward(x if mask is None else x * mask[..., None])


class Pointwise(nn.Sequential):
    """A body that looks at each time step by itself."""

    def forward(self, x: Tensor, mask: Mask = None) -> Tensor:
        """[batch, time, d] → the same; padding disturbs nothing, so `mask` is not looked at."""
        return super().forward(x)


class StepNorm(nn.BatchNorm1d):
    """BatchNorm over batch and time; padding takes no part in its statistics."""

    def forward(self, x: Tensor, mask: Mask = None) -> Tensor:
        """[batch, time, d] → the same; what is padding comes out as zero."""
        flat = x.reshape(-1, x.shape[-1])
        if mask is None:
            return super().forward(flat).view_as(x)
        if not choice.for_caches(x) and not getattr(self, "spans", False):
            return self._without_waiting(x, mask)
        valid = mask.reshape(-1)
        out = torch.zeros_like(flat)
        out[valid] = super().forward(flat[valid])
        return out.view_as(x)

    def _without_waiting(self, x: Tensor, mask: Tensor) -> Tensor:
        """The same without asking how many steps are valid, which a graphics card would have to be waited for."""
        wide, kept = x.to(torch.promote_types(x.dtype, torch.float32)), mask[..., None]
        assert self.running_mean is not None
        assert self.running_var is not None
        mean, variance = self.running_mean, self.running_var
        if self.training:
            count = mask.sum().to(wide.dtype)
            mean = (wide * kept).sum((0, 1)) / count
            variance = ((wide - mean) * kept).square().sum((0, 1)) / count
            with torch.no_grad():
                assert self.num_batches_tracked is not None
                self.num_batches_tracked += 1
                self.running_mean.lerp_(mean, self.momentum or 0.1)
                self.running_var.lerp_(variance * count / (count - 1), self.momentum or 0.1)
        normed = (wide - mean) * torch.rsqrt(variance + self.eps) * self.weight + self.bias
        return (normed * kept).to(x.dtype)


class Eileen(nn.Module):
    """Linear(SelfAttention₄(GELU(Conv₃(x))))."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.conv, self.attention, self.ffn = Conv(d, 3), SelfAttention(d, 4), Linear(d, d)

    def forward(self, x: Tensor, mask: Mask = None) -> Tensor:
        """[batch, time, d] → the same; mask [batch, time]: which steps are no padding."""
        return self.ffn(self.attention(F.gelu(self.conv(x, mask)), mask))


class Parallel(nn.Module):
    """Layers side by side on the same input, computed as one, then a common body (organ: 4, bremen: 3)."""

    def __init__(
        self, d: int, count: int, after: nn.Module, activation: Callable[[Tensor], Tensor] | None
    ) -> None:
        super().__init__()
        self.side_by_side = Linear(d, count * d)
        self.after = after
        self.activation = activation

    def forward(self, x: Tensor, mask: Mask = None) -> Tensor:
        """[batch, time, d] → the same; padding disturbs nothing, so `mask` is not looked at."""
        wide = self.side_by_side(x)
        return self.after(wide if self.activation is None else self.activation(wide))


class Recurrent(nn.Module):
    """Harp: an LSTM. Wolfhour: a bidirectional GRU whose directions are added."""

    def __init__(self, layer: nn.LSTM | nn.GRU) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, mask: Mask = None) -> Tensor:
        """[batch, time, d] → the same; the backward direction begins at the last step that is no padding."""
        states = run_recurrent(self.layer, x, mask)
        return sum(states.chunk(2, dim=-1)) if self.layer.bidirectional else states  # type: ignore[return-value]


class Cello(nn.Module):
    """BatchNorm(Linear(LeakyReLU(Linear(x)))), 2d wide inside."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(Linear(d, 2 * d), nn.LeakyReLU(0.2), Linear(2 * d, d))
        self.norm = StepNorm(d)

    def forward(self, x: Tensor, mask: Mask = None) -> Tensor:
        """[batch, time, d] → the same; mask [batch, time]: which steps are no padding."""
        return self.norm(self.layers(x), mask)


class Circusmaster(nn.Module):
    """Linear(SelfAttention₂(sigmoid(Linear(x)) · x))."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.noise_gate, self.attention, self.control = Linear(d, d), SelfAttention(d, 2), Linear(d, d)

    def forward(self, x: Tensor, mask: Mask = None) -> Tensor:
        """[batch, time, d] → the same; mask [batch, time]: which steps are no padding."""
        return self.control(self.attention(torch.sigmoid(self.noise_gate(x)) * x, mask))


class GatedConv(nn.Module):
    """Greta (width 5, a gate a feature) and trombone (width 7, one gate): Linear(GELU(Conv)) · sigmoid(Linear(x))."""

    def __init__(self, d: int, width: int, gates: int) -> None:
        super().__init__()
        self.conv, self.linear, self.gate = Conv(d, width), Linear(d, d), Linear(d, gates)

    def forward(self, x: Tensor, mask: Mask = None) -> Tensor:
        """[batch, time, d] → the same; mask [batch, time]: which steps are no padding."""
        return self.linear(F.gelu(self.conv(x, mask))) * torch.sigmoid(self.gate(x))


class Violin(nn.Module):
    """GELU(Linear(SelfAttention₈(x))) · sigmoid(Linear(x))."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.attention, self.linear, self.gate = SelfAttention(d, 8), Linear(d, d), Linear(d, d)

    def forward(self, x: Tensor, mask: Mask = None) -> Tensor:
        """[batch, time, d] → the same; mask [batch, time]: which steps are no padding."""
        return F.gelu(self.linear(self.attention(x, mask))) * torch.sigmoid(self.gate(x))


def role_body(role: str, d: int) -> nn.Module:
    """The body of a role, fresh."""
    return _BODIES[role](d)


_BODIES: dict[str, Callable[[int], nn.Module]] = {
    "eileen": Eileen,
    "pluto": lambda d: Pointwise(
        Linear(d, 4 * d), nn.GELU(), Dropout(0.1), Linear(4 * d, 2 * d), nn.GELU(), Linear(2 * d, d)
    ),
    "organ": lambda d: Parallel(d, 4, Linear(4 * d, d), F.gelu),
    "harp": lambda d: Recurrent(nn.LSTM(d, d, batch_first=True)),
    "wolfhour": lambda d: Recurrent(nn.GRU(d, d, batch_first=True, bidirectional=True)),
    "viola": lambda d: Pointwise(Linear(d, d), nn.Tanh(), Linear(d, d), nn.LayerNorm(d)),
    "philip": lambda d: Pointwise(
        Linear(d, d // 2), nn.ReLU(), Linear(d // 2, d), Dropout(0.2), Linear(d, d)
    ),
    "cello": Cello,
    "circusmaster": Circusmaster,
    "bremen": lambda d: Parallel(
        d, 3, nn.Sequential(Linear(3 * d, 2 * d), nn.GELU(), Linear(2 * d, d)), None
    ),
    "zaixian": lambda d: Pointwise(Linear(d, d), nn.Sigmoid(), Linear(d, 2 * d), nn.GELU(), Linear(2 * d, d)),
    "elena": lambda d: Pointwise(
        Linear(d, 3 * d), nn.GELU(), Linear(3 * d, 2 * d), nn.GELU(), Linear(2 * d, d), nn.LayerNorm(d)
    ),
    "greta": lambda d: GatedConv(d, 5, d),
    "clarinet": lambda d: Pointwise(
        Linear(d, d), nn.Softplus(), Linear(d, d // 2), nn.ELU(), Linear(d // 2, d)
    ),
    "horn": lambda d: Pointwise(
        Linear(d, 4 * d), nn.SiLU(), Linear(4 * d, 2 * d), nn.SiLU(), Linear(2 * d, d)
    ),
    "tuba": lambda d: Pointwise(
        Linear(d, d),
        nn.LeakyReLU(0.3),
        Linear(d, 2 * d),
        nn.LeakyReLU(0.3),
        Linear(2 * d, d),
        nn.LayerNorm(d),
    ),
    "trombone": lambda d: GatedConv(d, 7, 1),
    "violin1": Violin,
    "violin2": lambda d: Pointwise(
        Linear(d, 2 * d), nn.GELU(), Linear(2 * d, d), Dropout(0.1), Linear(d, d), nn.LayerNorm(d)
    ),
}
