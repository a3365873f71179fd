"""Draw runs of the preset `published` beside the numbers that were published, and say where those lie in the spread.

    python tools/published_reverberation.py RUN… [--out docs/reverberation-published.png]

Runs with uniform processors and observed gates, as published, make the spread; others are drawn as single lines.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

EPOCHS = (1, 5, 10, 20, 30, 40, 50)
PUBLISHED = {
    "total": (18.115900, 0.359443, 0.161604, 0.104052, 0.082469, 0.063780, 0.055662),
    "MSE": (0.102766, 0.079483, 0.077901, 0.075423, 0.066810, 0.053348, 0.047204),
    "KL": (18013.13, 279.96, 83.70, 28.63, 15.66, 10.43, 8.46),
}
PUBLISHED_EVALUATION = 0.041924
FIGURES = {"total": "train/loss", "MSE": "train/mse", "KL": "train/kl"}
AS_PUBLISHED = "uniform, observed"
COLORS = {AS_PUBLISHED: "#0072B2", "described, observed": "#E69F00", "uniform, routing": "#009E73"}


@dataclass(frozen=True)
class RecordedRun:
    """What a run told. kind: processors and gating. curves: [epochs] a figure; evaluation: MSE without noise, [epochs]."""

    kind: str
    curves: dict[str, np.ndarray]
    once: np.ndarray
    evaluation: np.ndarray


def read(path: Path) -> RecordedRun:
    """The curves of a run beside those that were published."""
    from models.training.record import Record
    from models.training.run_folder import RunFolder

    run = RunFolder.open(path)
    epochs, network = Record.read(run).epochs, run.config()["network"]
    curves = {name: epochs[figure].y for name, figure in FIGURES.items()}
    kind = f"{network['processors']}, {network['gating']}"
    return RecordedRun(kind, curves, epochs["train/kl_once"].y, epochs["validation/mse"].y)


def place(value: float, values: list[float]) -> str:
    """Where a published value lies among those of the seeds."""
    if len(values) < 2:
        return "–"
    if min(values) <= value <= max(values):
        return "inside"
    return (
        f"{value / max(values):.2g}× the largest"
        if value > max(values)
        else f"{value / min(values):.2g}× the least"
    )


def table(runs: list[RecordedRun]) -> str:
    """In Markdown: published, mean ± sd of the seeds, and where the published value lies."""
    seeds = [run for run in runs if run.kind == AS_PUBLISHED]
    others = [run for run in runs if run.kind != AS_PUBLISHED]
    head = [
        "epoch",
        "figure",
        "published",
        f"{len(seeds)} seeds",
        "published lies",
        *(run.kind for run in others),
    ]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    rows = [
        (
            epoch,
            name,
            PUBLISHED[name][i],
            [run.curves[name] for run in seeds],
            [run.curves[name] for run in others],
        )
        for i, epoch in enumerate(EPOCHS)
        for name in PUBLISHED
    ]
    rows.append(
        (
            EPOCHS[-1],
            "evaluation MSE",
            PUBLISHED_EVALUATION,
            [r.evaluation for r in seeds],
            [r.evaluation for r in others],
        )
    )
    for epoch, name, value, mine, theirs in rows:
        values = [float(curve[epoch - 1]) for curve in mine if len(curve) >= epoch]
        cells = [str(epoch), name, f"{value:.4g}", spread(values), place(value, values)]
        cells += [f"{curve[epoch - 1]:.4g}" if len(curve) >= epoch else "–" for curve in theirs]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def spread(values: list[float]) -> str:
    """Mean and standard deviation as words: ``0.41 ± 0.02``."""
    if len(values) < 2:
        return f"{values[0]:.4g}" if values else "–"
    return f"{np.mean(values):.4g} ± {np.std(values, ddof=1):.2g}"


def draw(runs: list[RecordedRun], out: Path) -> None:
    """Draw the curves of all runs as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.8), layout="constrained")
    for axes, name in zip(figure.subplots(1, 3), PUBLISHED, strict=True):
        _panel(axes, runs, name)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=130)


def _panel(axes: Any, runs: list[RecordedRun], name: str) -> None:
    seen: set[str] = set()
    for run in runs:
        curve = run.curves[name]
        label = run.kind if run.kind not in seen else None
        seen.add(run.kind)
        color = COLORS.get(run.kind, "#8A8A8A")
        axes.plot(np.arange(1, len(curve) + 1), curve, color=color, linewidth=1.2, label=label)
        if name == "KL":
            words = "dotted: each role once" if run is runs[-1] else None
            axes.plot(
                np.arange(1, len(curve) + 1), run.once, color=color, linewidth=0.7, linestyle=":", label=words
            )
    axes.plot(EPOCHS, PUBLISHED[name], "k^", markersize=6, label="published")
    axes.set(
        xlabel="epoch",
        ylabel={"KL": "KL (nats a batch)"}.get(name, name),
        yscale="linear" if name == "MSE" else "log",
    )
    axes.set_title(name, fontsize=10)
    axes.grid(alpha=0.15)
    axes.spines[["top", "right"]].set_visible(False)
    if name == "KL":
        axes.legend(frameon=False, fontsize=7.5)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "reverberation-published.png")
    options = parser.parse_args()
    runs = [read(path) for path in options.runs]
    draw(runs, options.out)
    print(table(runs))
    first, last = (np.mean([run.curves["KL"][i] for run in runs]) for i in (0, -1))
    once = [float(run.once[0]) for run in runs if run.kind == AS_PUBLISHED]
    print(
        f"\nKL falls by {np.log10(first / last):.1f} orders of magnitude; each role counted once it is {spread(once)} in epoch 1."
    )


if __name__ == "__main__":
    main()
