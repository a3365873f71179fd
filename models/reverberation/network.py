"""ReverberationNet: nineteen roles talk to seven processors and back, and a conductor attends over all of them.

    R1_i = role_i(x)                         every role runs on the input                 i = 1 … 19, [batch, time, d]
    P_j  = processor_j(its roles' R1_i)      every processor reads the roles wired to it  j = 1 … 7, [batch, d]
    R2_i = role_i(R1_i, its P_j's feedback)  every role runs again, the same weights      [batch, time, d]
    y    = conductor(R2_1 … R2_19, P_1 … P_7)                                             [batch]

A role: h = body(x) + feedback;  z ~ N(mu(h), σ²(h));  gate = sigmoid(w · mean of h over time + b);  out = LayerNorm(x + z).

Where gates route, that of a role in pass 1 scales what passes between it and its own processor, both ways, and that of
pass 2 what the conductor reads of it; other edges pass through no gate. What all roles have alike (mean, variance, gate,
norm) is kept stacked, and computed for all of them at once.

The file goes from the whole to its parts: `ReverberationNet`, `Roles`, `Processors`, `Conductor`, `Latent`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from models.kernels import latent
from models.kernels.choice import without_autocast
from models.kernels.products import shapes_vary
from models.reverberation.bodies import Mask, SelfAttention, role_body
from models.reverberation.cores import processor_core
from models.reverberation.wiring import PROCESSOR_NAMES, ROLE_NAMES, Wiring, documented

ROLE_COUNT, PROCESSOR_COUNT = len(ROLE_NAMES), len(PROCESSOR_NAMES)
CONDUCTOR_HEADS = 8
Edge = tuple[str, str]  # from, to: a role and a processor, either way round


@dataclass(frozen=True)
class NetworkConfig:
    """width: features of a time step of the input; where it is not d, a linear layer brings it there.

    gating: ``routing``, where gates scale what passes, or ``observed``, where nothing is multiplied by them.
    processors: the ``described`` ones, or seven ``uniform`` ones.
    """

    width: int = 64
    d: int = 64
    gating: str = "routing"
    processors: str = "described"
    wiring: dict[str, object] = field(default_factory=lambda: documented().model_dump())

    @property
    def mesh(self) -> Wiring:
        return Wiring.model_validate(self.wiring).check()


@dataclass
class Output:
    """value: [batch], in the targets' units. gates: [38, batch], pass 1 of the roles in order, then pass 2.

    kl_roles: [2, 19, batch], by pass; kl_processors: [7, batch]: sums over all steps and features.
    passes: what the roles give, [19, batch, time, d] in the first pass and in the second.
    """

    value: Tensor
    gates: Tensor
    kl_roles: Tensor
    kl_processors: Tensor
    passes: tuple[Tensor, Tensor]

    @property
    def activity(self) -> Tensor:
        """[2, 19, batch, time], root mean square of what each role gives in each pass."""
        return torch.stack([pass_.detach().square().mean(-1).sqrt() for pass_ in self.passes])

    @property
    def kl(self) -> Tensor:
        """Summed over the batch, both passes of the roles, and the processors."""
        return self.kl_roles.sum() + self.kl_processors.sum()

    @property
    def kl_once(self) -> Tensor:
        """The same with each role counted once, as it is described: by its second pass."""
        return self.kl_roles[1].sum() + self.kl_processors.sum()


class ReverberationNet(nn.Module):
    """The whole mesh: the four lines at the top of the module, in `_forward`."""

    input_mean: Tensor
    input_scale: Tensor
    target_mean: Tensor
    target_scale: Tensor
    read_by_own: Tensor  # [7, 19], see `_tables`
    read_by_other: Tensor  # [7, 19]
    fed_by_own: Tensor  # [19, edges]
    fed_by_other: Tensor  # [19, edges]
    to_conductor: Tensor  # [7 or edges, edges]
    edge_of: Tensor  # [edges], the processor of each

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        d, self.config, self.wiring = config.d, config, config.mesh
        self.projection = nn.Linear(config.width, d) if config.width != d else None
        self.roles = Roles(d)
        self.processors = Processors(d, config.processors, len(self.wiring.edges))
        self.conductor = Conductor(d)
        self.register_buffer("input_mean", torch.zeros(config.width))
        self.register_buffer("input_scale", torch.ones(config.width))
        self.register_buffer("target_mean", torch.zeros(()))
        self.register_buffer("target_scale", torch.ones(()))
        for name, value in _tables(self.wiring).items():
            self.register_buffer(name, value, persistent=False)

    def forward(
        self,
        x: Tensor,
        lengths: Tensor | None = None,
        muted: Iterable[str] = (),
        cut: Iterable[Edge] = (),
    ) -> Output:
        """x: [batch, time, width]; lengths: [batch], where sequences are padded at their ends.

        muted: roles whose messages, feedback and final outputs are held at zero. cut: edges that carry nothing.
        """
        with shapes_vary(lengths is not None):  # ragged batches are each as long as their longest sequence
            return self._forward(x, lengths, tuple(muted), tuple(cut))

    def _forward(
        self, x: Tensor, lengths: Tensor | None, muted: tuple[str, ...], cut: tuple[Edge, ...]
    ) -> Output:
        noisy = self.training or self.wiring.noisy
        mask = None if lengths is None else torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        x = (x - self.input_mean) / self.input_scale
        if mask is not None:
            x = x.masked_fill(~mask[..., None], 0.0)  # what lies in the padding may be anything
        if self.projection is not None:
            x = self.projection(x)  # [batch, time, d]
        unmuted, read_by, fed_by = self._switches(muted, cut)

        # Pass 1: R1_i = role_i(x)
        first, gates1, kl1 = self.roles(x.expand(ROLE_COUNT, *x.shape), [x] * ROLE_COUNT, None, mask, noisy)
        by_role = first.unbind(0)  # once: gradients of a role meet before they are put beside those of others

        # Processors, and what they send back along each edge
        scale1 = self._scale(gates1, unmuted)
        sent, kl_processors = self._processed(first, by_role, scale1, unmuted, read_by, mask, noisy)
        own, other = (item.to(sent.dtype) for item in fed_by)
        feedback = (
            torch.tensordot(own, sent, 1) * scale1[..., None]
        )  # [19, batch, d], of a role's own processor
        feedback = feedback + torch.tensordot(other, sent, 1) * unmuted[:, None, None]  # and of others

        # Pass 2: R2_i = role_i(R1_i, feedback_i)
        second, gates2, kl2 = self.roles(first, by_role, feedback, mask, noisy)

        # y = conductor(R2, P)
        scale2 = self._scale(gates2, unmuted)
        moving = second.transpose(0, 1) * scale2.t()[..., None, None]  # [batch, 19, time, d]
        constant = torch.tensordot(self.to_conductor.to(sent.dtype), sent, 1)  # [7 or edges, batch, d]
        value = self.conductor(moving.contiguous(), constant.transpose(0, 1), mask)
        return Output(
            value * self.target_scale + self.target_mean,
            torch.cat([gates1, gates2]),
            torch.stack([kl1, kl2]),
            kl_processors,
            (first, second),
        )

    def _scale(self, gates: Tensor, unmuted: Tensor) -> Tensor:
        """[19, batch]: by what a role is multiplied where its gate stands; by 1 where gates are only observed."""
        return (gates if self.config.gating == "routing" else torch.ones_like(gates)) * unmuted[:, None]

    def _processed(
        self,
        first: Tensor,
        by_role: Sequence[Tensor],
        scale: Tensor,
        unmuted: Tensor,
        read_by: tuple[Tensor, Tensor],
        mask: Mask,
        noisy: bool,
    ) -> tuple[Tensor, Tensor]:
        """(what the processors send along their edges [edges, batch, d], their KL [7, batch]).

        A core reads the mean of its roles, Σ_i shares_ji · R1_i; the one over all tokens reads them side by side.
        """
        own, other = read_by
        # [batch, 7, 19]; taken with all roles in one product, instead of copies of the roles times their gates.
        shares = (own[:, :, None] * scale + (other * unmuted)[:, :, None]).permute(2, 0, 1)
        means = torch.bmm(shares, first.transpose(0, 1).flatten(2)).unflatten(2, first.shape[2:]).unbind(1)
        outputs = []  # of each core, [batch, d]
        for number, (name, core) in enumerate(self.processors.cores.items()):
            if not core.over_all_tokens:
                outputs.append(core(means[number], mask))  # of [batch, time, d]
                continue
            reads = [ROLE_NAMES.index(role) for role in self.wiring.reads[name]]
            weights = shares[:, number] * len(reads)  # not a share of a mean: each token counts whole
            tokens = torch.cat([by_role[i] * weights[:, i, None, None] for i in reads], dim=1)
            outputs.append(core(tokens, None if mask is None else mask.repeat(1, len(reads))))
        return self.processors.distribute(outputs, self.edge_of, noisy)

    def _switches(
        self, muted: tuple[str, ...], cut: tuple[Edge, ...]
    ) -> tuple[Tensor, tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """(unmuted [19], 0 for muted roles; shares [7, 19] in which processors read roles, through gates and past them; [19,
        edges], which edges feed a role, through its gate and past it)."""
        unmuted = torch.ones(ROLE_COUNT, device=self.edge_of.device)
        for role in muted:
            unmuted[ROLE_NAMES.index(role)] = 0
        tables = [self.read_by_own, self.read_by_other, self.fed_by_own, self.fed_by_other]
        if cut:
            tables = [item.clone() for item in tables]
            for source, target in cut:
                if source in ROLE_NAMES:
                    for table in tables[:2]:
                        table[PROCESSOR_NAMES.index(target), ROLE_NAMES.index(source)] = 0
                elif (source, target) in self.wiring.edges:
                    for table in tables[2:]:
                        table[ROLE_NAMES.index(target), self.wiring.edges.index((source, target))] = 0
        return unmuted, (tables[0], tables[1]), (tables[2], tables[3])


def _tables(wiring: Wiring) -> dict[str, Tensor]:
    """The wiring as matrices: `own` edges, between a role and the processor it belongs to, pass through its gate, `other`
    ones do not. Rows of what is read are means: they sum to 1 over both."""
    edges = wiring.edges
    read_by_own, read_by_other = torch.zeros(2, PROCESSOR_COUNT, ROLE_COUNT)
    fed_by_own, fed_by_other = torch.zeros(2, ROLE_COUNT, len(edges))
    to_conductor = torch.eye(len(edges))
    if wiring.conductor == "mean":
        to_conductor = torch.zeros(PROCESSOR_COUNT, len(edges))
    for number, (processor, role) in enumerate(edges):
        p, r = PROCESSOR_NAMES.index(processor), ROLE_NAMES.index(role)
        is_own = wiring.own[role] == processor
        (read_by_own if is_own else read_by_other)[p, r] = 1 / len(wiring.reads[processor])
        if wiring.feeds_back(processor, role):
            (fed_by_own if is_own else fed_by_other)[r, number] = 1
        if wiring.conductor == "mean":
            to_conductor[p, number] = 1 / len(wiring.reads[processor])
    return {
        "read_by_own": read_by_own,
        "read_by_other": read_by_other,
        "fed_by_own": fed_by_own,
        "fed_by_other": fed_by_other,
        "to_conductor": to_conductor,
        "edge_of": torch.tensor([PROCESSOR_NAMES.index(processor) for processor, _ in edges]),
    }


class Roles(nn.Module):
    """The nineteen roles: bodies of their own, and latents, gates and norms stacked."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.bodies = nn.ModuleDict({name: role_body(name, d) for name in ROLE_NAMES})
        self.latent = NormedLatent(ROLE_COUNT, d)
        self.gate_weight = nn.Parameter(uniform((ROLE_COUNT, d), d))
        self.gate_bias = nn.Parameter(uniform((ROLE_COUNT,), d))
        self.norm_gain = nn.Parameter(torch.ones(ROLE_COUNT, d))
        self.norm_bias = nn.Parameter(torch.zeros(ROLE_COUNT, d))

    def forward(
        self,
        inputs: Tensor,
        by_role: Sequence[Tensor],
        feedback: Tensor | None,
        mask: Mask,
        noisy: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """inputs: [19, batch, time, d]; by_role: the same as 19 tensors; feedback: [19, batch, d], alike at every step.
        Returns (outputs [19, batch, time, d], gates [19, batch], KL [19, batch])."""
        h = torch.stack([body(x, mask) for body, x in zip(self.bodies.values(), by_role, strict=True)])
        if feedback is not None:
            h += feedback[:, :, None]
        shares = (
            None if mask is None else mask / mask.sum(1, keepdim=True)
        )  # of each step in the mean over time
        out, means, kl = self.latent(inputs, h, shares, self.norm_gain, self.norm_bias, noisy)
        kl = kl.sum(-1) if mask is None else (kl * mask).sum(-1)
        gates = torch.sigmoid((means @ self.gate_weight[:, :, None])[..., 0] + self.gate_bias[:, None])
        return out, gates, kl


class Processors(nn.Module):
    """The seven processors: cores of their own, latents stacked, and a distributor an edge."""

    def __init__(self, d: int, kind: str, edges: int) -> None:
        super().__init__()
        self.cores = nn.ModuleDict({name: processor_core(name, d, kind) for name in PROCESSOR_NAMES})
        self.latent = Latent(PROCESSOR_COUNT, d)
        self.distributor_weight = nn.Parameter(uniform((edges, d, d), d))
        self.distributor_bias = nn.Parameter(uniform((edges, 1, d), d))

    def distribute(self, cores: list[Tensor], edge_of: Tensor, noisy: bool) -> tuple[Tensor, Tensor]:
        """(outputs [edges, batch, d], the same at every step, KL [7, batch]) of the cores' vectors, [batch, d] each."""
        z, kl = self.latent(torch.stack(cores), noisy)
        return torch.baddbmm(self.distributor_bias, z[edge_of], self.distributor_weight), kl


class Conductor(nn.Module):
    """Argallia: attends over every source's every step, and makes one number of their mean.

    A processor's tokens are the same at every step, so they enter once: as key with their share times how often
    they occur, as query counted that often in the mean. That is exact.
    """

    def __init__(self, d: int) -> None:
        super().__init__()
        self.attention = SelfAttention(d, CONDUCTOR_HEADS)
        self.final = nn.Sequential(
            nn.Linear(d, d // 2), nn.LayerNorm(d // 2), nn.GELU(), nn.Linear(d // 2, 1)
        )

    def forward(self, moving: Tensor, constant: Tensor, mask: Mask) -> Tensor:
        """moving: [batch, sources, time, d]; constant: [batch, sources, d]. Returns [batch]."""
        sources, time = moving.shape[1:3]
        tokens = torch.cat([moving.flatten(1, 2), constant], dim=1)
        if mask is None:
            counts = tokens.new_ones(1, tokens.shape[1])
            counts[:, sources * time :] = time
        else:
            lengths = mask.sum(1, keepdim=True).to(tokens.dtype)
            counts = torch.cat(
                [mask.to(tokens.dtype).repeat(1, sources), lengths.expand(-1, constant.shape[1])], dim=1
            )
        return self.final(self.attention.mean(tokens, counts))[:, 0]


class Latent(nn.Module):
    """Of several modules at once, [modules, rows, d] → z and its KL a row: mu and logvar are linear in h, and
    z = mu + ε exp(logvar / 2), with ε from N(0, 1) where it is noisy and 0 elsewhere: the reparameterisation of Kingma &
    Welling (ICLR 2014), section 3."""

    def __init__(self, modules: int, d: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(uniform((modules, d, 2 * d), d))
        self.bias = nn.Parameter(uniform((modules, 1, 2 * d), d))

    def forward(self, h: Tensor, noisy: bool) -> tuple[Tensor, Tensor]:
        """[modules, rows, d] → (z of the same shape, KL of each row); noisy: drawn, else the mean."""
        both = torch.baddbmm(self.bias, h, self.weight)  # [modules, rows, 2d]
        noise = torch.randn_like(h, dtype=both.dtype) if noisy else None
        return plainly_drawn(both, noise) if torch.compiler.is_compiling() else latent.drawn(both, noise)


def plainly_drawn(both: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
    """(z, KL(N(mu, σ²) ‖ N(0, 1)) = ½ Σ (mu² + σ² - log σ² - 1) of each row); both: mu beside log σ², [..., 2d]."""
    both = both.to(torch.promote_types(both.dtype, torch.float32))  # the terms of a small KL nearly cancel
    mu, logvar = both.chunk(2, dim=-1)
    z = mu if noise is None else mu + noise * (logvar / 2).exp()
    return z, (mu.square() + logvar.exp() - logvar - 1).sum(-1) / 2


class NormedLatent(Latent):
    """LayerNorm(x + z) with a gain and a shift a module, and the mean of h over time; in single precision under autocast
    too."""

    def forward(  # type: ignore[override]
        self, x: Tensor, h: Tensor, shares: Tensor | None, gain: Tensor, shift: Tensor, noisy: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """x and h: [modules, batch, time, d]; shares: [batch, time], how much of the mean of h a step is, None: all alike;
        gain and shift: [modules, d]. Returns (outputs as x, means of h [modules, batch, d], KL [modules, batch, time]).
        """
        wide = torch.promote_types(x.dtype, torch.float32)
        with without_autocast(x):
            x, h = x.to(wide), h.to(wide)
            shares = None if shares is None else shares.to(wide)
            noise = torch.randn_like(h) if noisy else None
            if not torch.compiler.is_compiling():
                return latent.normed(x, h, shares, noise, self.weight, self.bias, gain, shift)
            both = torch.baddbmm(self.bias, h.flatten(1, 2), self.weight).unflatten(1, h.shape[1:3])
            z, kl = plainly_drawn(both, noise)
            out = layer_norm(x + z, x.shape[-1:]) * gain[:, None, None] + shift[:, None, None]
            means = h.mean(2) if shares is None else torch.einsum("mbtd,bt->mbd", h, shares)
        return out, means, kl


def uniform(shape: tuple[int, ...], inputs: int) -> Tensor:
    """As PyTorch initialises a linear layer of so many inputs."""
    bound = 1 / math.sqrt(inputs)
    return torch.empty(shape).uniform_(-bound, bound)


def parameter_counts(network: ReverberationNet) -> dict[str, int]:
    """Parameters a role, a processor and the conductor, what is stacked shared out to its owners."""
    d = network.config.d
    heads = 2 * (d * d + d)
    counts = {name: _size(body) + heads + (d + 1) + 2 * d for name, body in network.roles.bodies.items()}
    for name, core in network.processors.cores.items():
        counts[name] = _size(core) + heads + len(network.wiring.reads[name]) * (d * d + d)
    counts["argallia"] = _size(network.conductor)
    if network.projection is not None:
        counts["projection"] = _size(network.projection)
    return counts


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
