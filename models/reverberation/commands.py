"""What ``python -m models VERB reverberation`` does. The window calls the same functions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models import checkpoint
from models.datafiles import write_whole
from models.errors import UserError
from models.progress import Progress
from models.remarks import told
from models.reverberation import baselines, data, drawing, published
from models.reverberation.network import NetworkConfig, ReverberationNet, parameter_counts
from models.reverberation.observer import Observer
from models.reverberation.tables import write_observation
from models.reverberation.task import regression
from models.reverberation.wiring import ROLES


def use(
    choice: str | Path,
    inputs: Sequence[str | Path],
    out: str | Path,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Observe the sequences of one file and write NPZ: ``output`` [n], ``gates`` [38, n], ``kl`` [45, n]."""
    if len(inputs) != 1:
        raise UserError("One file of sequences is observed at a time.", "", "Name one file.")
    observer = Observer.load(choice, device)
    sequences = data.open_sequences(inputs[0])
    found = observer.observe(sequences, progress)
    write_observation(Path(out), found)
    print(f"{len(sequences)} sequences, gates {observer.gating}: {out}")
    return {"out": str(out), "sequences": len(sequences), "gating": observer.gating}


def evaluate(
    choice: str | Path,
    path: str | Path,
    out: str | Path | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Figures on sequences with targets. Of the data a checkpoint was trained on, its held-out part alone, with a ridge
    on time means in the same table."""
    observer = Observer.load(choice, device)
    sequences = data.open_sequences(path)
    if sequences.y is None:
        raise UserError(
            "{name} has no targets.", "Figures need one number a sequence.", "Add them as y, or as a column target.",
            name=sequences.title,
        )  # fmt: skip
    train, held = observer.held_out(sequences, path)
    part = sequences.part(held)
    found = observer.observe(part, progress)
    assert part.y is not None
    result: dict[str, Any] = {"sequences": len(part), "mesh": regression(found.output, part.y)}
    if len(train):
        result["ridge on time means"] = regression(baselines.ridge(sequences.part(train), part), part.y)
    print(f"{len(part)} sequences")
    for name, figures in result.items():
        if isinstance(figures, dict):
            print(f"{name:22} " + "  ".join(f"{key} {value:.4f}" for key, value in figures.items()))
    if out is not None:
        Path(out).mkdir(parents=True, exist_ok=True)
        write_whole(Path(out) / "figures.json", json.dumps(result, indent=2).encode())
    return result


def crossval(*_arguments: Any, **_more: Any) -> dict[str, Any]:
    """Not offered: the command line asks, so the answer is in words."""
    raise UserError(
        "ReverberationNet is not cross-validated.", "Its data names no speakers or subjects in general.",
        "Train with a validation share, and with several seeds.",
    )  # fmt: skip


def import_file(path: Path, out: Path) -> dict[str, Any]:
    """Bring in a checkpoint of the first public implementation (``.pt``, ``.pth``, ``.safetensors``) by its names."""
    found = published.imported(checkpoint.load_foreign(path), title=path.stem)
    checkpoint.save(out, found.weights, found.info)
    print(f"Imported into {out}")
    return told({"checkpoint": str(out), "gating": "observed"}, found.remarks)


def describe(choice: str | Path | None, out: str | Path | None = None) -> dict[str, Any]:
    """Print the tree with its parameters and connections; with `out`, draw architecture and data flow there."""
    values = {} if choice is None else dict(checkpoint.read_info(choice, "reverberation").network)
    values.pop("kind", None)
    network = ReverberationNet(NetworkConfig(**values))
    counts = parameter_counts(network)
    print(drawing.tree(network, counts))
    result: dict[str, Any] = {
        "parameters": sum(counts.values()),
        "connections": network.wiring.connections,
        "gates": 2 * len(ROLES),
    }
    if out is not None:
        result["files"] = [str(one) for one in drawing.describe(network, counts, Path(out))]
    return result
