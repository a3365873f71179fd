"""The picture that sums a run up."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.training.task import History


def draw(history: History, path: Path, left: dict[str, str], right: dict[str, str]) -> None:
    """Two panels over epochs: the figures named in `left` and those in `right` (figure → title)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    for axes, chosen in zip(figure.subplots(1, 2), (left, right), strict=True):
        for name, title in chosen.items():
            values = history.series(name)
            there = np.isfinite(values)
            axes.plot(np.arange(1, len(values) + 1)[there], values[there], label=title, linewidth=1.2)
        axes.set_xlabel("Epoch")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.savefig(path, dpi=120)
