"""The six panels that sum an emotion run up, for a paper or a notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from models.emotion.speakers import Evaluation
from models.training.task import History

BLUE, ORANGE, GREEN, PINK = "#0072B2", "#E69F00", "#009E73", "#CC79A7"


def draw(history: History, evaluation: Evaluation | None, path: Path) -> None:
    """Loss, accuracy, F1, learning rate, alpha and the last confusion matrix, 300 dpi, into `path`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.5), layout="constrained")
    axes = figure.subplots(2, 3)
    _curves(
        axes[0, 0],
        history,
        "Loss",
        {
            "training, all": "train/loss",
            "training, emotion": "train/emotion_loss",
            "training, speaker": "train/speaker_loss",
            "validation, emotion": "validation/loss",
        },
    )
    _curves(
        axes[0, 1],
        history,
        "Accuracy and recall",
        {
            "training accuracy": "train/accuracy",
            "validation accuracy": "validation/accuracy",
            "validation recall": "validation/uar",
        },
    )
    _curves(
        axes[0, 2],
        history,
        "Weighted F1",
        {"training, mean of batches": "train/weighted_f1", "validation": "validation/weighted_f1"},
    )
    _curves(axes[1, 0], history, "Learning rate", {"": "learning_rate"})
    axes[1, 0].set_yscale("log")
    _curves(
        axes[1, 1],
        history,
        "Adversary",
        {"alpha": "alpha", "accuracy on speakers": "train/speaker_accuracy"},
    )
    if evaluation is not None:
        _confusion(axes[1, 2], evaluation)
    figure.savefig(path, dpi=300)


def _curves(axis: Any, history: History, title: str, names: dict[str, str]) -> None:
    epochs = np.arange(1, len(history.epochs) + 1)
    for (label, name), color in zip(names.items(), (BLUE, ORANGE, GREEN, PINK), strict=False):
        values = history.series(name)
        if np.isfinite(values).any():
            axis.plot(epochs, values, color=color, linewidth=1.2, label=label or None)
    axis.set_title(title, fontsize=10)
    axis.set_xlabel("epoch", fontsize=9)
    axis.grid(alpha=0.25)
    if axis.get_legend_handles_labels()[1]:
        axis.legend(fontsize=8, frameon=False)


def _confusion(axis: Any, evaluation: Evaluation) -> None:
    counts = np.asarray(evaluation.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axis.imshow(shares, cmap="viridis", vmin=0, vmax=1)
    axis.set_xticks(range(len(evaluation.labels)), evaluation.labels, fontsize=8, rotation=30)
    axis.set_yticks(range(len(evaluation.labels)), evaluation.labels, fontsize=8)
    axis.set_xlabel("recognised", fontsize=9)
    axis.set_ylabel("true", fontsize=9)
    axis.set_title("Validation, last epoch", fontsize=10)
    for row, column in np.ndindex(counts.shape):
        color = "black" if shares[row, column] > 0.6 else "white"
        axis.text(column, row, int(counts[row, column]), ha="center", va="center", color=color, fontsize=8)
