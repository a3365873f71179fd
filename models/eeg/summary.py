"""The picture that sums a run up: the curves of r, and r by subject."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.training.task import History


def draw(history: History, by_subject: dict[str, float], path: Path) -> None:
    """Write `path` (PNG). by_subject: validation r of the last epoch."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    curves, bars = figure.subplots(1, 2, width_ratios=[2, 1])
    epochs = np.arange(1, len(history.epochs) + 1)
    for name, label in (("train/r", "training"), ("validation/r", "validation")):
        curves.plot(epochs, history.series(name), marker="." if len(epochs) < 3 else "", label=label)
    curves.set(xlabel="epoch", ylabel="Pearson's r")
    curves.legend(frameon=False)
    bars.bar(range(len(by_subject)), list(by_subject.values()), tick_label=list(by_subject))
    bars.set(xlabel="subject", ylabel="validation r")
    figure.savefig(path, dpi=120)
