"""The first Conformer against the second, and the second's three switches one by one: same data, seeds and budget.

python tools/ablate_eeg.py train DATA RUNS     trains what is not yet trained, a run folder a variant and seed below RUNS
python tools/ablate_eeg.py report RUNS         writes docs/eeg-ablation.md, .json and .svg from what the runs have told

DATA is a data set as `models.eeg.data.open_dataset` reads it, or `sample`.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models import devices
from models.eeg.config import EEGConfig
from models.resources import resource
from models.training import config as configs
from models.training.record import Record
from models.training.run_folder import RunFolder

SEEDS = (0, 1, 2)
VARIANTS: dict[str, dict[str, Any]] = {
    "v1": {"version": "v1"},
    "v2": {"version": "v2"},
    "v2, gradient × 1": {"version": "v2", "gradient_scale": 1.0},
    "v2, plain sum": {"version": "v2", "gated_residual": False},
    "v2, linear head": {"version": "v2", "mlp_head": False},
}
RECIPE: dict[str, Any] = {
    "epochs": 8,
    "batch_size": 32,
    "early_stop": 0,
    "learning_rate": 1e-3,
    "diagnose_every": 4,
    "loss": {"kind": "pearson"},
    "data": {"window_s": 5.0},
    "preprocessing": {"low_hz": 0.5, "high_hz": 8.0},
    "network": {
        "kind": "conformer",
        "width": 32,
        "blocks": 4,
        "heads": 2,
        "feed_forward": 64,
        "kernel": 31,
        "dropout": 0.1,
        "front_dropout": 0.3,
    },
}


@dataclass(frozen=True)
class Outcome:
    """One run. Ratios are to the output layer's gradient, means over the looks; movement is relative, at the end."""

    variant: str
    seed: int
    front_ratio: float
    blocks_ratio: float
    front_moved: float
    blocks_moved: float
    best_r: float
    last_r: float
    parameters: int


def train(source: str, runs: Path) -> None:
    """Train every variant with every seed on the data set `source`, a run folder each below `runs`."""
    from models.eeg.task import EEGTask
    from models.training import events
    from models.training.trainer import Trainer

    devices.use_threads(1)
    for seed in SEEDS:  # seed by seed, so that a part of it compares already
        for name, changes in VARIANTS.items():
            place = runs / folder_name(name, seed)
            if (place / "last").is_dir():
                continue
            values = json.loads(json.dumps(RECIPE)) | {"seed": seed}
            values["network"] |= changes
            values["data"]["path"] = source
            config = configs.validated(EEGConfig, values)
            run = RunFolder.create(place, "eeg", config.model_dump(mode="json"))
            began = time.monotonic()
            end = Trainer(EEGTask(config), run, "cpu").train()
            if isinstance(end, events.Failed):
                raise SystemExit(f"{end.what} {end.why} {end.remedy}\n{end.details}")
            print(f"{place.name}: {time.monotonic() - began:.0f} s, best r {end.best_value:.3f}", flush=True)


def folder_name(variant: str, seed: int) -> str:
    """The name of a variant's run folder."""
    plain = "".join(letter if letter.isalnum() else "-" for letter in variant.replace("×", "x"))
    return f"{'-'.join(filter(None, plain.split('-')))}-seed-{seed}"


def outcome(variant: str, seed: int, record: Record) -> Outcome:
    """What a finished run came to: gradients, movements and r."""
    flow = record.flow
    weights = [i for i in range(len(flow.layers)) if i not in flow.gains]
    front = [i for i in weights if flow.layers[i].startswith("front.")]
    blocks = [i for i in weights if flow.layers[i].startswith("blocks.")]
    ratio, moved = flow.table("ratio"), flow.table("moved")[-1]
    r = record.epochs["validation/r"].y
    return Outcome(
        variant,
        seed,
        float(ratio[:, front].mean()),
        float(ratio[:, blocks].mean()),
        float(np.median(moved[front])),
        float(np.median(moved[blocks])),
        float(r.max()),
        float(r[-1]),
        record.started.parameters if record.started is not None else 0,
    )


def report(runs: Path, out: Path) -> None:
    """Write the comparison of all runs that are done to `out`."""
    records = {
        (name, seed): Record.read(RunFolder(runs / folder_name(name, seed)))
        for seed in SEEDS
        for name in VARIANTS
        if (runs / folder_name(name, seed) / "last").is_dir()
    }
    rows = [outcome(name, seed, record) for (name, seed), record in records.items()]
    trains = next(iter(records.values())).started
    data = dict(trains.trains) if trains is not None else {}
    values = {"recipe": RECIPE, "data": data, "runs": [asdict(row) for row in rows]}
    (out / "eeg-ablation.json").write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", "utf-8")
    draw(records, out / "eeg-ablation.svg")
    (out / "eeg-ablation.md").write_text(written(rows, data), "utf-8")
    print(table(rows))


def table(rows: list[Outcome]) -> str:
    """The Markdown table of means and spreads over the seeds, a row a variant."""
    lines = [
        "| variant | parameters | gradient, front / output | gradient, blocks / output | front moved | blocks moved | best validation r | last validation r |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in VARIANTS:
        own = [row for row in rows if row.variant == name]
        if not own:
            continue
        cells = [
            spread([100 * row.front_ratio for row in own], "{:.0f} ± {:.0f} %"),
            spread([100 * row.blocks_ratio for row in own], "{:.0f} ± {:.0f} %"),
            spread([row.front_moved for row in own], "{:.2f} ± {:.2f}"),
            spread([row.blocks_moved for row in own], "{:.2f} ± {:.2f}"),
            spread([row.best_r for row in own], "{:.3f} ± {:.3f}"),
            spread([row.last_r for row in own], "{:.3f} ± {:.3f}"),
        ]
        lines.append(f"| {name} | {own[0].parameters:,} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def spread(values: list[float], form: str) -> str:
    """Mean ± sd over the seeds."""
    return form.format(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0)


def verdict(rows: list[Outcome], name: str, than: str) -> str:
    """How two variants' best r differ, by seed: what three seeds can say and no more."""
    first, second = ({row.seed: row.best_r for row in rows if row.variant == item} for item in (name, than))
    both = sorted(set(first) & set(second))
    differences = np.array([first[seed] - second[seed] for seed in both])
    words = (
        "in every seed" if (differences > 0).all() or (differences < 0).all() else "not in every seed alike"
    )
    listed = ", ".join(f"{value:+.3f}" for value in differences).replace("-", "−")
    mean = f"{differences.mean():+.3f}".replace("-", "−")
    return f"- {name} minus {than}: {mean} in best validation r ({listed} by seed; {words})."


def written(rows: list[Outcome], data: dict[str, Any]) -> str:
    """The whole report as Markdown; data: the numbers that the runs counted in their data."""
    network = RECIPE["network"]
    pairs = [("v2", "v1"), *((name, "v2") for name in list(VARIANTS)[2:])]
    seeds = len({row.seed for row in rows})
    return "\n".join(
        [
            "# v1 against v2, and v2's switches one by one",
            "",
            f"Every variant was trained with {seeds} seeds on the same data and budget: {data.get('training minutes', '?')} minutes of EEG of "
            f"{data.get('training subjects', '?')} subjects, {RECIPE['epochs']} epochs, batch {RECIPE['batch_size']}, Adam {RECIPE['learning_rate']:g}, "
            f"{network['blocks']} blocks of width {network['width']}. Validation is on a time block that nothing was learned from "
            f"({data.get('generalisation', '')}). Figures are mean ± standard deviation over the seeds.",
            "",
            "Gradient ratios are those of the layers with weights, over the output layer's, mean over the run; movement is how far a layer's "
            "weights went from where they began, relative to their size, median over layers.",
            "",
            table(rows),
            "",
            "What it comes to:",
            "",
            *(
                verdict(rows, name, than)
                for name, than in pairs
                if {name, than} <= {row.variant for row in rows}
            ),
            "",
            f"{seeds} seeds that agree in direction do so by chance once in {2 ** (seeds - 1)}; compare the differences with the spread in the table.",
            "",
            "The gradient ratio tells little by itself: scaling the blocks' gradient raises it by construction, Adam cancels a constant scale, "
            "and another head changes the layer that is divided by. Movement and validation r are what to judge by.",
            "",
            "This is a small network on little data. It says nothing about the full width on the hours of the published data sets.",
            "",
            "![Gradient flow](eeg-ablation.svg)",
            "",
            "Made by `tools/ablate_eeg.py`; each run's figures are in `eeg-ablation.json`.",
            "",
        ]
    )


def draw(records: dict[tuple[str, int], Record], path: Path) -> None:
    """Layers down, steps across, a picture a variant (first seed): gradient over the output layer's, and the weights' movement."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

    shown = [(name, records[name, SEEDS[0]]) for name in VARIANTS if (name, SEEDS[0]) in records]
    figure = Figure(figsize=(2.6 * len(shown), 6.4), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots(2, len(shown), squeeze=False)
    for row, (what, title, limits) in enumerate(
        (("ratio", "gradient / output layer's", (1e-3, 10)), ("moved", "movement", (1e-3, 1)))
    ):
        for column, (name, record) in enumerate(shown):
            flow = record.flow
            weights = [i for i in range(len(flow.layers)) if i not in flow.gains]
            values = np.maximum(flow.table(what)[:, weights].T, 1e-12)
            axis = axes[row, column]
            image = axis.imshow(
                values,
                aspect="auto",
                cmap="viridis",
                norm=LogNorm(*limits),
                interpolation="nearest",
                extent=(flow.steps[0], flow.steps[-1], len(weights), 0),
            )
            names = [flow.layers[i] for i in weights]
            marks = [
                (i, n)
                for i, n in enumerate(names)
                if n.startswith("front.convolutions.0") or n.endswith("first.1")
            ]
            axis.set_yticks([i + 0.5 for i, _ in marks], [short(n) for _, n in marks] if column == 0 else [])
            axis.set_title(name if row == 0 else "", fontsize=10)
            axis.set_xlabel("step" if row == 1 else "")
        figure.colorbar(image, ax=axes[row], label=title, shrink=0.8)
    with rc_context(
        {"svg.fonttype": "none", "svg.hashsalt": "eeg"}
    ):  # text stays text, and the same runs give the same file
        figure.savefig(path, metadata={"Date": None})


def short(layer: str) -> str:
    """``block 3`` for ``blocks.2.first.1``."""
    parts = layer.split(".")
    return f"block {int(parts[1]) + 1}" if parts[0] == "blocks" else "front end"


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "train":
        train(sys.argv[2], Path(sys.argv[3]))
    elif len(sys.argv) == 3 and sys.argv[1] == "report":
        report(Path(sys.argv[2]), resource().parent / "docs")
    else:
        raise SystemExit(__doc__)
