"""Looking into a network while it learns: what gradient reaches each layer, how far its weights have moved, which of
its units are dead, and where a number first stopped being finite. What it means, in words, is `findings.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from models.training.batches import tensors_in

DEAD_AFTER = 3  # looks without any gradient, after which a unit is called dead
MOST_LOOKS = 400  # a run: more would not be seen on a screen
DIGITS = 4
OF_UNITS = (
    nn.Linear,
    nn.modules.conv._ConvNd,
    nn.RNNBase,
    nn.MultiheadAttention,
)  # whose weights' rows are units


@dataclass(frozen=True)
class Look:
    """One look, a number a layer in the order of `Watch.layers`; see `events.Flow`."""

    gradient: list[float]
    moved: list[float]
    dead: list[float]


@dataclass(frozen=True)
class Broken:
    """Where a number was first not finite: in the weights, the batch, a layer's output, the loss or the gradient."""

    stage: Literal["weights", "batch", "forward", "loss", "gradient"]
    layer: str = ""


def looks_every(asked: int, total_steps: int) -> int:
    """Steps between two looks: as asked, but rarer in runs so long that no screen could show them all; 0 is never."""
    return max(asked, total_steps // MOST_LOOKS) if asked else 0


class Watch:
    """Watches the layers of a network. Made before anything was learned: movement is counted from then.

    A layer is a module that has parameters of its own and learns. `layers` are in the order in which data first went
    through them: call the network within `ordering` once.
    """

    def __init__(self, network: nn.Module, output: str = "") -> None:
        """`output`: name of the output layer, or of the module that ends in it; empty takes the last to be used."""
        self._wanted_output = output
        self._parameters: dict[str, list[nn.Parameter]] = {}
        self._units: dict[str, list[nn.Parameter]] = {}  # weights whose rows are units
        for name, module in network.named_modules():
            own = [p for p in module.parameters(recurse=False) if p.requires_grad]
            if own:
                self._parameters[name] = own
                self._units[name] = [] if isinstance(module, nn.Embedding) else [p for p in own if p.ndim > 1]
        self.layers = tuple(self._parameters)
        self._begin = {
            id(p): p.detach().clone() for parameters in self._parameters.values() for p in parameters
        }
        weighty = {name for name, module in network.named_modules() if isinstance(module, OF_UNITS)}
        self._silent = {
            id(p): torch.zeros(len(p), dtype=torch.int32, device=p.device)
            for name, parameters in self._units.items()
            for p in parameters
            if name in weighty
        }

    @property
    def output(self) -> int:
        """The place of the output layer in `layers`."""
        of_weights = [i for i, name in enumerate(self.layers) if self._units[name]] or [len(self.layers) - 1]
        wanted = self._wanted_output
        inside = [i for i in of_weights if wanted and f"{self.layers[i]}.".startswith(f"{wanted}.")]
        return (inside or of_weights)[-1]

    @property
    def gains(self) -> list[int]:
        """The places of layers that have no weights, such as normalisations: gains and biases alone."""
        return [
            i for i, name in enumerate(self.layers) if not any(p.ndim > 1 for p in self._parameters[name])
        ]

    @contextmanager
    def ordering(self, network: nn.Module) -> Iterator[None]:
        """Within, the first call of each module is noted; afterwards `layers` are in that order."""
        first: dict[str, int] = {}
        hooks = []
        for name, module in network.named_modules():

            def note(_module: nn.Module, _inputs: Any, name: str = name) -> None:
                first.setdefault(name, len(first))

            hooks.append(module.register_forward_pre_hook(note))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
        given = {name: number for number, name in enumerate(self._parameters)}
        # A module that is never called itself, such as a bare matrix of attention, stands where its parent was called.
        self.layers = tuple(sorted(self._parameters, key=lambda name: (_called(first, name), given[name])))

    @torch.no_grad()
    def look(self, scale: float = 1.0) -> Look:
        """The layers as they are after `backward` and before the gradients are cleared.

        scale: what the gradients were multiplied by since, as by clipping; it is undone.
        """
        sizes: list[Tensor] = []
        for name in self.layers:
            parameters = self._parameters[name]
            began = [self._begin[id(p)] for p in parameters]
            gradients = [p.grad for p in parameters if p.grad is not None]
            sizes += [
                _norm(gradients) if gradients else began[0].new_zeros(()),
                _norm([p - b for p, b in zip(parameters, began, strict=True)]),
                torch.maximum(_norm(list(parameters)), _norm(began)),
                self._dead_share(name, began[0]),
            ]
        numbers = torch.stack([size.float() for size in sizes]).cpu().view(-1, 4)  # one wait for the device
        gradient, moved, size, dead = (column.tolist() for column in numbers.unbind(1))
        return Look(
            gradient=[_short(value / scale) for value in gradient],
            moved=[_short(value / (whole or 1.0)) for value, whole in zip(moved, size, strict=True)],
            dead=[_short(value) for value in dead],
        )

    def _dead_share(self, name: str, like: Tensor) -> Tensor:
        """The share of the layer's units (rows of its weights) that got no gradient in the last looks."""
        silent = []
        for weight in self._units[name]:
            count = self._silent.get(id(weight))
            if count is None:  # rows that are no units, such as a learned token in place of what is absent
                continue
            if weight.grad is None:
                count += 1
            else:
                count.add_(1).mul_((weight.grad.flatten(1) == 0).all(1))
            silent.append(count >= DEAD_AFTER)
        return torch.cat(silent).float().mean() if silent else like.new_zeros(())

    def histograms(self) -> Iterator[tuple[str, Tensor]]:
        """(``Gradient/LAYER`` or ``Weight/LAYER``, all numbers of it), for TensorBoard."""
        for name in self.layers:
            title = name or "network"
            gradients = [p.grad.flatten() for p in self._parameters[name] if p.grad is not None]
            if gradients:
                yield f"Gradient/{title}", torch.cat(gradients).detach().float().cpu()
            yield (
                f"Weight/{title}",
                torch.cat([p.detach().flatten() for p in self._parameters[name]]).float().cpu(),
            )


def where_it_broke(network: nn.Module, batch: Any, loss: Callable[[], Tensor]) -> Broken:
    """Where a number is first not finite when the batch is computed once more. Leaves gradients behind.

    loss: computes the loss of `batch` by `network`; called once.
    """
    for name, parameter in network.named_parameters():
        if not _finite(parameter):
            return Broken("weights", name.rpartition(".")[0])
    if not all(_finite(tensor) for tensor in tensors_in(batch)):
        return Broken("batch")
    not_finite: list[str] = []
    called: list[str] = []
    hooks = []
    for name, module in network.named_modules():

        def judge(_module: nn.Module, _inputs: Any, output: Any, name: str = name) -> None:
            called.append(name)
            if not not_finite and not all(_finite(tensor) for tensor in tensors_in(output)):
                not_finite.append(name)

        hooks.append(module.register_forward_hook(judge))
    network.zero_grad(set_to_none=True)
    try:
        with torch.enable_grad():
            value = loss()
    finally:
        for hook in hooks:
            hook.remove()
    if not_finite:
        return Broken("forward", not_finite[0])
    if not _finite(value):
        return Broken("loss")
    value.backward()
    broken = {
        name.rpartition(".")[0]
        for name, parameter in network.named_parameters()
        if parameter.grad is not None and not _finite(parameter.grad)
    }
    # The gradient comes from the output: the layer nearest to it is where it went wrong.
    last = next((name for name in reversed(called) if name in broken), "")
    return Broken("gradient", last or next(iter(broken), ""))


def _norm(tensors: list[Any]) -> Tensor:
    return torch.stack(torch._foreach_norm(tensors)).float().norm()


def _finite(tensor: Tensor) -> bool:
    return not (tensor.is_floating_point() or tensor.is_complex()) or bool(torch.isfinite(tensor).all())


def _called(first: dict[str, int], name: str) -> int:
    while name and name not in first:
        name = name.rpartition(".")[0]
    return first.get(name, len(first))


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else value
