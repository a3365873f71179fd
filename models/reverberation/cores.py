"""What the seven processors compute: from the tokens of the roles they read to one vector, [batch, d]."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.kernels.dropout import Dropout
from models.kernels.recurrent import run_recurrent
from models.reverberation.bodies import Conv, Mask, SelfAttention, time_mean


class DataAggregator(nn.Module):
    """Attends over all the tokens of its roles, not over their mean."""

    over_all_tokens = True

    def __init__(self, d: int) -> None:
        super().__init__()
        self.attention, self.norm = SelfAttention(d, 4), nn.LayerNorm(d)
        self.selector = nn.Sequential(nn.Linear(d, d // 2), nn.Sigmoid(), nn.Linear(d // 2, d))

    def forward(self, tokens: Tensor, mask: Mask = None) -> Tensor:
        """[batch, all tokens of its roles, d] → [batch, d]."""
        return self.selector(self.norm(self.attention.mean(tokens, mask)))


class StreamProcessor(nn.Module):
    """MLP(mean over time of ReLU(Conv₅(ReLU(Conv₃(x))))), ReLU inside and tanh at its end."""

    over_all_tokens = False

    def __init__(self, d: int) -> None:
        super().__init__()
        self.buffer, self.sync = Conv(d, 3), Conv(d, 5)
        self.controller = nn.Sequential(nn.Linear(d, 2 * d), nn.ReLU(), nn.Linear(2 * d, d), nn.Tanh())

    def forward(self, x: Tensor, mask: Mask = None) -> Tensor:
        """[batch, time, d] → [batch, d]; mask [batch, time]: which steps are no padding."""
        return self.controller(time_mean(F.relu(self.sync(F.relu(self.buffer(x, mask)), mask)), mask))


class MessageRouter(nn.Module):
    """Linear(softmax(Linear(mean over time of a bidirectional LSTM)))."""

    over_all_tokens = False

    def __init__(self, d: int) -> None:
        super().__init__()
        self.encoder = nn.LSTM(d, d // 2, batch_first=True, bidirectional=True)
        self.table = nn.Sequential(nn.Linear(d, d), nn.Softmax(dim=-1), nn.Linear(d, d))

    def forward(self, x: Tensor, mask: Mask = None) -> Tensor:
        """[batch, time, d] → [batch, d]; mask [batch, time]: which steps are no padding."""
        return self.table(time_mean(run_recurrent(self.encoder, x, mask), mask))


class BandwidthManager(nn.Module):
    """MLP(mean over time of SelfAttention₈(x)), LeakyReLU inside, with dropout."""

    over_all_tokens = False

    def __init__(self, d: int) -> None:
        super().__init__()
        self.attention = SelfAttention(d, 8)
        self.balancer = nn.Sequential(
            nn.Linear(d, 2 * d), nn.LeakyReLU(0.2), nn.Linear(2 * d, d), Dropout(0.1)
        )

    def forward(self, x: Tensor, mask: Mask = None) -> Tensor:
        """[batch, time, d] → [batch, d]; mask [batch, time]: which steps are no padding."""
        return self.balancer(self.attention.mean(x, mask))


class ProtocolConverter(nn.Module):
    """Linear(softplus(Linear(mean over time))) · sigmoid of a learned vector."""

    over_all_tokens = False

    def __init__(self, d: int) -> None:
        super().__init__()
        self.detector = nn.Sequential(nn.Linear(d, d), nn.Softplus(), nn.Linear(d, d))
        self.format = nn.Parameter(torch.full((d,), 0.5))

    def forward(self, x: Tensor, mask: Mask = None) -> Tensor:
        """[batch, time, d] → [batch, d]; mask [batch, time]: which steps are no padding."""
        return self.detector(time_mean(x, mask)) * torch.sigmoid(self.format)


class CacheManager(nn.Module):
    """MLP(mean over time), ELU inside, times a learned matrix that begins near 0.1 · identity."""

    over_all_tokens = False

    def __init__(self, d: int) -> None:
        super().__init__()
        self.policy = nn.Sequential(nn.Linear(d, 2 * d), nn.ELU(), nn.Linear(2 * d, d))
        self.prefetch = nn.Parameter(0.1 * torch.eye(d) + 0.01 * torch.randn(d, d))

    def forward(self, x: Tensor, mask: Mask = None) -> Tensor:
        """[batch, time, d] → [batch, d]; mask [batch, time]: which steps are no padding."""
        return self.policy(time_mean(x, mask)) @ self.prefetch


class SyncCoordinator(nn.Module):
    """Swish(Linear(Swish(Linear(mean over time)) times a learned matrix))."""

    over_all_tokens = False

    def __init__(self, d: int) -> None:
        super().__init__()
        self.before, self.after = nn.Linear(d, d), nn.Linear(d, d)
        self.coordination = nn.Parameter(0.01 * torch.randn(d, d))

    def forward(self, x: Tensor, mask: Mask = None) -> Tensor:
        """[batch, time, d] → [batch, d]; mask [batch, time]: which steps are no padding."""
        return F.silu(self.after(F.silu(self.before(time_mean(x, mask))) @ self.coordination))


class Uniform(nn.Module):
    """The core of the older variant, in which all seven processors are alike: 5d² + 4d parameters."""

    over_all_tokens = False

    def __init__(self, d: int) -> None:
        super().__init__()
        self.attention, self.route = SelfAttention(d, 4), nn.Linear(d, d, bias=False)

    def forward(self, x: Tensor, mask: Mask = None) -> Tensor:
        """[batch, time, d] → [batch, d]; mask [batch, time]: which steps are no padding."""
        return self.route(self.attention.mean(x, mask))


CORES: dict[str, Callable[[int], nn.Module]] = {
    "data_aggregator": DataAggregator,
    "stream_processor": StreamProcessor,
    "message_router": MessageRouter,
    "bandwidth_manager": BandwidthManager,
    "protocol_converter": ProtocolConverter,
    "cache_manager": CacheManager,
    "sync_coordinator": SyncCoordinator,
}


def processor_core(name: str, d: int, kind: str) -> nn.Module:
    """The core of a processor: the ``described`` one of its name, or the ``uniform`` one."""
    return Uniform(d) if kind == "uniform" else CORES[name](d)
