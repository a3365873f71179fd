"""Checkpoints of the network's first public implementation, brought in by the names of their weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import torch
from torch import Tensor

from models import checkpoint
from models.checkpoint import CheckpointInfo
from models.errors import UserError
from models.loading import Opened
from models.remarks import Remark
from models.reverberation.network import NetworkConfig, ReverberationNet
from models.reverberation.wiring import PROCESSOR_NAMES, ROLE_NAMES, Wiring, cyclic

Take = Callable[[str], Tensor]  # a weight by its name in the checkpoint

_ATTENTION = {
    "qkv.weight": "in_proj_weight",
    "qkv.bias": "in_proj_bias",
    "out.weight": "out_proj.weight",
    "out.bias": "out_proj.bias",
}
_ATTENTIONS = ("attention", "input_aggregator", "bandwidth_analyzer")
# ours → theirs, beneath a module; what is not named is called the same
_BODIES = {
    "eileen": {"conv": "conv", "attention": "attention", "ffn": "ffn"},
    "harp": {"layer": ""},
    "wolfhour": {"layer": ""},
    "cello": {"layers.0": "0", "layers.2": "2", "norm": "3"},
    "circusmaster": {"noise_gate": "noise_gate", "attention": "attention", "control": "control"},
    "greta": {"conv": "rhythm_conv", "linear": "tempo_linear", "gate": "beat_gate"},
    "trombone": {"conv": "slide_conv", "linear": "glide_linear", "gate": "smooth_gate"},
    "violin1": {"attention": "leader_attention", "linear": "vibrato_linear", "gate": "expression_gate"},
}
_CORES = {
    "data_aggregator": {
        "attention": "input_aggregator",
        "norm": "aggregation_norm",
        "selector": "route_selector",
    },
    "stream_processor": {"buffer": "stream_buffer", "sync": "temporal_sync", "controller": "flow_controller"},
    "message_router": {"encoder": "message_encoder", "table": "routing_table"},
    "bandwidth_manager": {"attention": "bandwidth_analyzer", "balancer": "load_balancer"},
    "protocol_converter": {"detector": "protocol_detector", "format": "format_converter"},
    "cache_manager": {"policy": "cache_policy", "prefetch": "prefetch_matrix"},
    "sync_coordinator": {
        "before": "temporal_sync1",
        "after": "temporal_sync2",
        "coordination": "coordination_matrix",
    },
}


def imported(values: Any, title: str = "", wiring: Wiring | None = None) -> Opened:
    """A foreign state dict as ours; the wiring is `cyclic` unless another is known.

    Raises UserError where it is no such checkpoint, or where weights are missing or left over.
    """
    state = _state(values)
    mesh = wiring or cyclic()
    d = int(state["argallia.global_attention.out_proj.weight"].shape[0])
    config = NetworkConfig(width=d, d=d, gating="observed", wiring=mesh.model_dump())
    network = ReverberationNet(config)
    weights: dict[str, Tensor] = {
        name: value for name, value in network.state_dict().items() if name.startswith(("input_", "target_"))
    }
    foreign = _Foreign(state)
    _take_roles(weights, network, foreign.take)
    _take_processors(weights, network, foreign.take)
    _take_module(weights, "conductor", network.conductor, _under(_conductor, foreign.take))
    foreign.refuse_rest()
    weights = {name: value.clone().contiguous() for name, value in weights.items()}
    checkpoint.fit(network, weights)
    info = CheckpointInfo(
        system="reverberation",
        title=title or "imported",
        network=asdict(config),
        card="Imported from the network's first public implementation: cyclic wiring; its gates are observed, not routing.\n",
    )
    remark = Remark("The gates of this checkpoint are observed: nothing is multiplied by them.")
    return Opened(weights, info, (remark,))


class _Foreign:
    """The weights of a checkpoint under their own names; each is taken once."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        self._state, self._left = state, set(state)

    def take(self, name: str) -> Tensor:
        if name not in self._state:
            raise UserError(
                "The checkpoint is not complete.",
                "It lacks {names}.",
                "Save it again from the published code.",
                names=name,
            )
        self._left.discard(name)
        return self._state[name]

    def refuse_rest(self) -> None:
        """Raises UserError where there are weights that nobody took."""
        if self._left:
            raise UserError(
                "The checkpoint holds weights that have no place here.",
                "Such as {names}.",
                "Choose a checkpoint of the first public implementation.",
                names=", ".join(sorted(self._left)[:3]),
            )


def _take_roles(weights: dict[str, Tensor], network: ReverberationNet, take: Take) -> None:
    for role in ROLE_NAMES:
        place, body = f"roles.bodies.{role}", network.roles.bodies[role]
        _take_module(weights, place, body, _under(partial(_body, role), take), role)
    places = [f"roles.{role}" for role in ROLE_NAMES]
    _take_stacked(weights, "roles.latent", places, take)
    weights["roles.gate_weight"] = torch.cat([take(f"{place}.instrument_gate.weight") for place in places])
    weights["roles.gate_bias"] = torch.cat([take(f"{place}.instrument_gate.bias") for place in places])
    weights["roles.norm_gain"] = torch.stack([take(f"{place}.ln.weight") for place in places])
    weights["roles.norm_bias"] = torch.stack([take(f"{place}.ln.bias") for place in places])


def _take_processors(weights: dict[str, Tensor], network: ReverberationNet, take: Take) -> None:
    for name in PROCESSOR_NAMES:
        place, core = f"processors.cores.{name}", network.processors.cores[name]
        _take_module(weights, place, core, _under(partial(_core, name), take))
    _take_stacked(weights, "processors.latent", [f"processors.{name}" for name in PROCESSOR_NAMES], take)
    reads = network.wiring.reads
    places = [
        f"processors.{name}.output_distributors.{number}"
        for name in PROCESSOR_NAMES
        for number in range(len(reads[name]))
    ]
    weights["processors.distributor_weight"] = torch.stack([take(f"{place}.weight").T for place in places])
    weights["processors.distributor_bias"] = torch.stack([take(f"{place}.bias")[None] for place in places])


def exported(network: ReverberationNet) -> dict[str, Tensor]:
    """The weights under the names of the first public implementation (for its described processors)."""
    ours = network.state_dict()
    state: dict[str, Tensor] = {}
    for role in ROLE_NAMES:
        names = {rest: _body(role, rest) for rest in network.roles.bodies[role].state_dict()}
        _give_module(state, ours, f"roles.bodies.{role}", names, role)
        number = ROLE_NAMES.index(role)
        state[f"roles.{role}.instrument_gate.weight"] = ours["roles.gate_weight"][number : number + 1]
        state[f"roles.{role}.instrument_gate.bias"] = ours["roles.gate_bias"][number : number + 1]
        state[f"roles.{role}.ln.weight"] = ours["roles.norm_gain"][number]
        state[f"roles.{role}.ln.bias"] = ours["roles.norm_bias"][number]
        _give_stacked(state, ours, "roles.latent", number, f"roles.{role}")
    for number, name in enumerate(PROCESSOR_NAMES):
        rests = network.processors.cores[name].state_dict()
        names = {rest: _core(name, rest) for rest in rests}
        _give_module(state, ours, f"processors.cores.{name}", names)
        _give_stacked(state, ours, "processors.latent", number, f"processors.{name}")
    counted: dict[str, int] = {}
    for number, (processor, _role) in enumerate(network.wiring.edges):
        place = f"processors.{processor}.output_distributors.{counted.setdefault(processor, 0)}"
        counted[processor] += 1
        state[f"{place}.weight"] = ours["processors.distributor_weight"][number].T
        state[f"{place}.bias"] = ours["processors.distributor_bias"][number, 0]
    names = {rest: _conductor(rest) for rest in network.conductor.state_dict()}
    _give_module(state, ours, "conductor", names)
    return {name: value.clone().contiguous() for name, value in state.items()}


def _state(values: Any) -> dict[str, Tensor]:
    if isinstance(values, dict):
        for key in ("model_state_dict", "state_dict", "model"):
            if isinstance(values.get(key), dict):
                values = values[key]
                break
    if not isinstance(values, dict) or "argallia.global_attention.out_proj.weight" not in values:
        raise UserError(
            "The file is not a checkpoint of ReverberationNet.",
            "It has no conductor (argallia).",
            "Choose a file that was saved by its first public implementation.",
        )
    tensors = {str(name): value for name, value in values.items() if isinstance(value, torch.Tensor)}
    return {name.removeprefix("module."): value for name, value in tensors.items()}


def _renamed(name: str, names: dict[str, str]) -> str:
    """A weight's name beneath a module, in their words."""
    for ours, theirs in names.items():
        if name == ours or name.startswith(ours + "."):
            name = (theirs + name[len(ours) :]).lstrip(".")
            break
    for ours, theirs in _ATTENTION.items():
        if name.endswith(tuple(f"{place}.{ours}" for place in _ATTENTIONS)):
            return name.removesuffix(ours) + theirs
    return name


def _body(role: str, rest: str) -> str:
    """The full name of a body's weight in their words; ``side_by_side.2.weight`` is the third of layers in parallel."""
    if rest.startswith("side_by_side."):
        return f"roles.{role}.{_SIDES[role][0]}.{rest.removeprefix('side_by_side.')}"
    if role == "organ" and rest.startswith("after."):
        return f"roles.organ.fusion.{rest.removeprefix('after.')}"
    if role == "bremen" and rest.startswith("after."):
        return f"roles.bremen.role_processor.{rest.removeprefix('after.')}"
    return f"roles.{role}.role_processor.{_renamed(rest, _BODIES.get(role, {}))}"


def _core(processor: str, rest: str) -> str:
    """The full name of a processor's weight in their words."""
    return f"processors.{processor}.{_renamed(rest, _CORES[processor])}"


def _conductor(rest: str) -> str:
    """The full name of a weight of the conductor in their words."""
    return f"argallia.{_renamed(rest, {'attention': 'global_attention', 'final': 'final_processor'})}"


def _under(names: Callable[[str], str], take: Take) -> Take:
    """Takes a weight by our name of it; names: ours to theirs."""
    return lambda rest: take(names(rest))


_SIDES = {"organ": ("pipes", 4), "bremen": ("channels", 3)}  # layers side by side, which we keep as one


def _take_module(
    weights: dict[str, Tensor], ours: str, module: torch.nn.Module, take: Take, role: str = ""
) -> None:
    for rest in module.state_dict():
        if role in _SIDES and rest.startswith("side_by_side."):
            kind = rest.split(".")[1]
            layers = [take(f"side_by_side.{number}.{kind}") for number in range(_SIDES[role][1])]
            weights[f"{ours}.{rest}"] = torch.cat(layers)
        else:
            weights[f"{ours}.{rest}"] = take(rest)


def _give_module(
    state: dict[str, Tensor], ours: dict[str, Tensor], place: str, names: dict[str, str], role: str = ""
) -> None:
    for rest, theirs in names.items():
        value = ours[f"{place}.{rest}"]
        if role in _SIDES and rest.startswith("side_by_side."):
            kind = rest.split(".")[1]
            for number, piece in enumerate(value.chunk(_SIDES[role][1])):
                state[_body(role, f"side_by_side.{number}.{kind}")] = piece
        else:
            state[theirs] = value


def _take_stacked(weights: dict[str, Tensor], ours: str, places: list[str], take: Take) -> None:
    pairs = [(take(f"{place}.W_mu.weight"), take(f"{place}.W_logvar.weight")) for place in places]
    weights[f"{ours}.weight"] = torch.stack([torch.cat([mu.T, logvar.T], dim=1) for mu, logvar in pairs])
    biases = [torch.cat([take(f"{place}.W_mu.bias"), take(f"{place}.W_logvar.bias")]) for place in places]
    weights[f"{ours}.bias"] = torch.stack(biases)[:, None]


def _give_stacked(
    state: dict[str, Tensor], ours: dict[str, Tensor], name: str, number: int, place: str
) -> None:
    mu, logvar = ours[f"{name}.weight"][number].T.chunk(2)
    state[f"{place}.W_mu.weight"], state[f"{place}.W_logvar.weight"] = mu, logvar
    state[f"{place}.W_mu.bias"], state[f"{place}.W_logvar.bias"] = ours[f"{name}.bias"][number, 0].chunk(2)
