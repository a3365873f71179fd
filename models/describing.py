"""What a network is made of, in a table: printed, and written where it is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.datafiles import write_whole
from models.tables import write_csv

if TYPE_CHECKING:
    from torch import nn


Layer = tuple[str, str, int]  # name, kind, parameters


def layers_of(network: nn.Module) -> list[Layer]:
    """The network's modules, and the parameters that belong to none of them."""

    parts: list[tuple[str, nn.Module | nn.Parameter]] = [*network.named_children()]
    parts += network.named_parameters(recurse=False)
    return [(name, type(part).__name__, size(part)) for name, part in parts]


def size(part: nn.Module | nn.Parameter) -> int:
    """Parameters, or of a single one its numbers."""
    from torch import nn

    return sum(map(size, part.parameters())) if isinstance(part, nn.Module) else part.numel()


def describe_layers(
    layers: Iterable[Layer], out: str | Path | None = None, notes: Iterable[str] = ()
) -> dict[str, Any]:
    """Print layers with their kind and parameters, and the notes under them.

    out: a folder into which ``layers.csv`` and ``layers.txt`` are written. Returns ``parameters``, ``layers`` (name →
    parameters) and ``files``.
    """
    rows = list(layers)
    total = sum(count for _, _, count in rows)
    lines = [f"{name:24} {kind:24} {count:>12,}" for name, kind, count in rows]
    text = "\n".join([*lines, f"{'together':49} {total:>12,}", *notes])
    print(text)
    files = []
    if out is not None:
        table, words = Path(out) / "layers.csv", Path(out) / "layers.txt"
        write_csv(table, [("layer", "kind", "parameters"), *rows, ("together", "", total)])
        write_whole(words, text + "\n")
        files = [str(table), str(words)]
    return {"parameters": total, "layers": {name: count for name, _, count in rows}, "files": files}
