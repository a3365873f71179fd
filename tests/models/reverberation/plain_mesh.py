"""ReverberationNet written down module by module, as it is described, with PyTorch's own attention: slow and plain.

It is what the fast form is held to, in value, gradient and speed. Its parameters have the names of the first public
implementation.
"""

from __future__ import annotations

import torch
from torch import nn

from models.reverberation.wiring import PROCESSOR_NAMES, ROLE_NAMES, Wiring


def attention(d, heads):
    return nn.MultiheadAttention(d, heads, batch_first=True)


class Eileen(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.conv, self.attention, self.ffn = nn.Conv1d(d, d, 3, padding=1), attention(d, 4), nn.Linear(d, d)

    def forward(self, x):
        h = nn.functional.gelu(self.conv(x.transpose(1, 2)).transpose(1, 2))
        return self.ffn(self.attention(h, h, h)[0])


class Circusmaster(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.noise_gate, self.attention, self.control = nn.Linear(d, d), attention(d, 2), nn.Linear(d, d)

    def forward(self, x):
        h = torch.sigmoid(self.noise_gate(x)) * x
        return self.control(self.attention(h, h, h)[0])


class Greta(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.rhythm_conv = nn.Conv1d(d, d, 5, padding=2)
        self.tempo_linear, self.beat_gate = nn.Linear(d, d), nn.Linear(d, d)

    def forward(self, x):
        h = nn.functional.gelu(self.rhythm_conv(x.transpose(1, 2)).transpose(1, 2))
        return self.tempo_linear(h) * torch.sigmoid(self.beat_gate(x))


class Trombone(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.slide_conv = nn.Conv1d(d, d, 7, padding=3)
        self.glide_linear, self.smooth_gate = nn.Linear(d, d), nn.Linear(d, 1)

    def forward(self, x):
        h = nn.functional.gelu(self.slide_conv(x.transpose(1, 2)).transpose(1, 2))
        return self.glide_linear(h) * torch.sigmoid(self.smooth_gate(x))


class Violin1(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.leader_attention = attention(d, 8)
        self.vibrato_linear, self.expression_gate = nn.Linear(d, d), nn.Linear(d, d)

    def forward(self, x):
        h = self.leader_attention(x, x, x)[0]
        return nn.functional.gelu(self.vibrato_linear(h)) * torch.sigmoid(self.expression_gate(x))


def processor_of(role, d):
    linear, relu = nn.Linear, nn.ReLU
    return {
        "eileen": lambda: Eileen(d),
        "pluto": lambda: nn.Sequential(linear(d, 4 * d), nn.GELU(), nn.Dropout(0.1), linear(4 * d, 2 * d), nn.GELU(), linear(2 * d, d)),
        "organ": lambda: None,
        "harp": lambda: nn.LSTM(d, d, batch_first=True),
        "wolfhour": lambda: nn.GRU(d, d, batch_first=True, bidirectional=True),
        "viola": lambda: nn.Sequential(linear(d, d), nn.Tanh(), linear(d, d), nn.LayerNorm(d)),
        "philip": lambda: nn.Sequential(linear(d, d // 2), relu(), linear(d // 2, d), nn.Dropout(0.2), linear(d, d)),
        "cello": lambda: nn.Sequential(linear(d, 2 * d), nn.LeakyReLU(0.2), linear(2 * d, d), nn.BatchNorm1d(d)),
        "circusmaster": lambda: Circusmaster(d),
        "bremen": lambda: nn.Sequential(linear(3 * d, 2 * d), nn.GELU(), linear(2 * d, d)),
        "zaixian": lambda: nn.Sequential(linear(d, d), nn.Sigmoid(), linear(d, 2 * d), nn.GELU(), linear(2 * d, d)),
        "elena": lambda: nn.Sequential(linear(d, 3 * d), nn.GELU(), linear(3 * d, 2 * d), nn.GELU(), linear(2 * d, d), nn.LayerNorm(d)),
        "greta": lambda: Greta(d),
        "clarinet": lambda: nn.Sequential(linear(d, d), nn.Softplus(), linear(d, d // 2), nn.ELU(), linear(d // 2, d)),
        "horn": lambda: nn.Sequential(linear(d, 4 * d), nn.SiLU(), linear(4 * d, 2 * d), nn.SiLU(), linear(2 * d, d)),
        "tuba": lambda: nn.Sequential(linear(d, d), nn.LeakyReLU(0.3), linear(d, 2 * d), nn.LeakyReLU(0.3), linear(2 * d, d), nn.LayerNorm(d)),
        "trombone": lambda: Trombone(d),
        "violin1": lambda: Violin1(d),
        "violin2": lambda: nn.Sequential(linear(d, 2 * d), nn.GELU(), linear(2 * d, d), nn.Dropout(0.1), linear(d, d), nn.LayerNorm(d)),
    }[role]()  # fmt: skip


class Role(nn.Module):
    def __init__(self, name, d):
        super().__init__()
        self.name = name
        self.instrument_gate = nn.Linear(d, 1)
        self.role_processor = processor_of(name, d)
        self.W_mu, self.W_logvar, self.ln = nn.Linear(d, d), nn.Linear(d, d), nn.LayerNorm(d)
        if name == "organ":
            self.pipes, self.fusion = nn.ModuleList(nn.Linear(d, d) for _ in range(4)), nn.Linear(4 * d, d)
        if name == "bremen":
            self.channels = nn.ModuleList(nn.Linear(d, d) for _ in range(3))

    def body(self, x):
        if self.name == "organ":
            return self.fusion(torch.cat([nn.functional.gelu(pipe(x)) for pipe in self.pipes], -1))
        if self.name == "bremen":
            return self.role_processor(torch.cat([channel(x) for channel in self.channels], -1))
        if self.name == "harp":
            return self.role_processor(x)[0]
        if self.name == "wolfhour":
            first, second = self.role_processor(x)[0].chunk(2, -1)
            return first + second
        if self.name == "cello":
            h = self.role_processor[:3](x)
            return self.role_processor[3](h.reshape(-1, h.shape[-1])).view_as(h)
        return self.role_processor(x)

    def forward(self, x, feedback=()):
        h = self.body(x)
        for item in feedback:
            h = h + item
        mu, logvar = self.W_mu(h), self.W_logvar(h)
        z = mu + torch.randn_like(mu) * torch.exp(logvar / 2) if self.training else mu
        kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum()
        return self.ln(x + z), torch.sigmoid(self.instrument_gate(h.mean(1)))[:, 0], kl


class Processor(nn.Module):
    def __init__(self, name, d, roles):
        super().__init__()
        self.name = name
        linear = nn.Linear
        if name == "data_aggregator":
            self.input_aggregator, self.aggregation_norm = attention(d, 4), nn.LayerNorm(d)
            self.route_selector = nn.Sequential(linear(d, d // 2), nn.Sigmoid(), linear(d // 2, d))
        elif name == "stream_processor":
            self.stream_buffer = nn.Conv1d(d, d, 3, padding=1)
            self.temporal_sync = nn.Conv1d(d, d, 5, padding=2)
            self.flow_controller = nn.Sequential(linear(d, 2 * d), nn.ReLU(), linear(2 * d, d), nn.Tanh())
        elif name == "message_router":
            self.message_encoder = nn.LSTM(d, d // 2, batch_first=True, bidirectional=True)
            self.routing_table = nn.Sequential(linear(d, d), nn.Softmax(-1), linear(d, d))
        elif name == "bandwidth_manager":
            self.bandwidth_analyzer = attention(d, 8)
            self.load_balancer = nn.Sequential(
                linear(d, 2 * d), nn.LeakyReLU(0.2), linear(2 * d, d), nn.Dropout(0.1)
            )
        elif name == "protocol_converter":
            self.protocol_detector = nn.Sequential(linear(d, d), nn.Softplus(), linear(d, d))
            self.format_converter = nn.Parameter(torch.full((d,), 0.5))
        elif name == "cache_manager":
            self.cache_policy = nn.Sequential(linear(d, 2 * d), nn.ELU(), linear(2 * d, d))
            self.prefetch_matrix = nn.Parameter(0.1 * torch.eye(d) + 0.01 * torch.randn(d, d))
        else:
            self.temporal_sync1, self.temporal_sync2 = linear(d, d), linear(d, d)
            self.coordination_matrix = nn.Parameter(0.01 * torch.randn(d, d))
        self.W_mu, self.W_logvar = linear(d, d), linear(d, d)
        self.output_distributors = nn.ModuleList(linear(d, d) for _ in range(roles))

    def core(self, inputs):
        x = sum(inputs) / len(inputs)
        if self.name == "data_aggregator":
            x = torch.cat(inputs, 1)
            x = self.input_aggregator(x, x, x)[0].mean(1, keepdim=True)
            return self.route_selector(self.aggregation_norm(x))
        if self.name == "stream_processor":
            h = torch.relu(self.stream_buffer(x.transpose(1, 2)))
            return self.flow_controller(torch.relu(self.temporal_sync(h)).mean(2)[:, None])
        if self.name == "message_router":
            return self.routing_table(self.message_encoder(x)[0].mean(1, keepdim=True))
        if self.name == "bandwidth_manager":
            return self.load_balancer(self.bandwidth_analyzer(x, x, x)[0].mean(1, keepdim=True))
        x = x.mean(1, keepdim=True)
        if self.name == "protocol_converter":
            return self.protocol_detector(x) * torch.sigmoid(self.format_converter)
        if self.name == "cache_manager":
            return self.cache_policy(x) @ self.prefetch_matrix
        h = nn.functional.silu(self.temporal_sync1(x)) @ self.coordination_matrix
        return nn.functional.silu(self.temporal_sync2(h))

    def forward(self, inputs):
        h = self.core(inputs)
        mu, logvar = self.W_mu(h), self.W_logvar(h)
        z = mu + torch.randn_like(mu) * torch.exp(logvar / 2) if self.training else mu
        kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum()
        time = inputs[0].shape[1]
        return [item(z).expand(-1, time, -1) for item in self.output_distributors], kl


class Argallia(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.global_attention = attention(d, 8)
        self.final_processor = nn.Sequential(
            nn.Linear(d, d // 2), nn.LayerNorm(d // 2), nn.GELU(), nn.Linear(d // 2, 1)
        )

    def forward(self, sources):
        x = torch.cat(sources, 1)
        return self.final_processor(self.global_attention(x, x, x)[0].mean(1))[:, 0]


class Plain(nn.Module):
    """The whole mesh; returns (value [batch], gates [38, batch], KL)."""

    def __init__(self, wiring: Wiring, d: int = 64, routing: bool = True):
        super().__init__()
        self.wiring, self.routing = wiring, routing
        self.roles = nn.ModuleDict({name: Role(name, d) for name in ROLE_NAMES})
        self.processors = nn.ModuleDict(
            {name: Processor(name, d, len(wiring.reads[name])) for name in PROCESSOR_NAMES}
        )
        self.argallia = Argallia(d)

    def forward(self, x):
        first, gates, total = {}, [], 0.0
        scale = {}
        for name, role in self.roles.items():
            first[name], gate, kl = role(x)
            gates.append(gate)
            scale[name] = gate[:, None, None] if self.routing else 1.0
            total = total + kl
        fed = {name: [] for name in ROLE_NAMES}
        sources = []
        for name, processor in self.processors.items():
            reads = self.wiring.reads[name]
            own = [self.wiring.own[role] == name for role in reads]
            messages = [
                first[role] * scale[role] if is_own else first[role]
                for role, is_own in zip(reads, own, strict=True)
            ]
            outs, kl = processor(messages)
            total = total + kl
            for role, out, is_own in zip(reads, outs, own, strict=True):
                if self.wiring.feeds_back(name, role):
                    fed[role].append(out * scale[role] if is_own else out)
            sources += [sum(outs) / len(outs)] if self.wiring.conductor == "mean" else outs
        last = []
        for name, role in self.roles.items():
            out, gate, kl = role(first[name], fed[name])
            last.append(out * gate[:, None, None] if self.routing else out)
            gates.append(gate)
            total = total + kl
        return self.argallia(last + sources), torch.stack(gates), total
