"""Networks whose weights are 8-bit integers: a quarter of the size, and multiplied as integers on a processor.

Dynamic quantisation, as PyTorch names it: a matrix W is kept as round(W / s), with one scale s = max |W| / 127 a matrix; what it is
multiplied with is quantised as it comes, and the rest stays float32. Linear and recurrent layers are, which hold nearly all weights.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from models import checkpoint

Network = TypeVar("Network", bound=nn.Module)
SCALE = ".int8_scale"  # what a quantised weight's name has after it for its scale
LARGEST = 127


def quantised(network: nn.Module) -> dict[str, Tensor]:
    """The state dict of a float network with its matrices as int8, and their scales, float32 [], beside them."""
    state = dict(network.state_dict())
    for name in _matrices(network):
        weight = state[name].float()
        scale = (weight.abs().amax() / LARGEST).clamp(min=torch.finfo(torch.float32).tiny)
        state[name] = (weight / scale).round().to(torch.int8)
        state[name + SCALE] = scale
    return state


def restored(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict as float32, each matrix as it is computed with: the integers times their scale."""
    return {
        name: weight.float() * state[name + SCALE] if name + SCALE in state else weight
        for name, weight in state.items()
        if not name.endswith(SCALE)
    }


def computing(network: Network, state: Mapping[str, Tensor]) -> Network:
    """The network, computing with the integers of `state`, on the processor. Raises UserError where they do not fit it."""
    checkpoint.fit(network, restored(state))
    with warnings.catch_warnings():  # PyTorch 2.13 has it, and says that it shall move to another package
        warnings.simplefilter("ignore")
        result: Network = torch.ao.quantization.quantize_dynamic(
            network.eval(), {nn.Linear, nn.GRU}, dtype=torch.qint8
        )
        for place, module in network.named_modules():
            kept = {name: _packed(state, f"{place}.{name}") for name in _names(module)}
            layer: Any = result.get_submodule(place)
            if isinstance(module, nn.Linear):
                layer.set_weight_bias(kept["weight"], kept.get("bias"))
            elif kept:
                layer.set_weight_bias(kept)
    return result


def _matrices(network: nn.Module) -> Iterator[str]:
    """The names of the weights that are quantised."""
    for place, module in network.named_modules():
        for name in _names(module):
            if name.startswith("weight"):
                yield f"{place}.{name}"


def _names(module: nn.Module) -> list[str]:
    """The parameters of a layer that can be quantised; of others none."""
    if not isinstance(module, nn.Linear | nn.GRU):
        return []
    return [name for name, _ in module.named_parameters(recurse=False)]


def _packed(state: Mapping[str, Tensor], name: str) -> Tensor:
    """A weight as PyTorch's quantised layers take it; a bias as it is."""
    if name + SCALE not in state:
        return state[name].float()
    return torch._make_per_tensor_quantized_tensor(state[name], float(state[name + SCALE]), 0)
