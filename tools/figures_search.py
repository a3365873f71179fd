"""Search's codes by their length: the curve of the emoji that ship, and the protocol of the literature on a made set.

``python -m tools.figures search`` measures both. Codes of the emoji are judged on the fifth that took part in no training. The
literature judges on MIRFlickr-25k (Huiskes and Lew, 2008), which does not ship. So that its protocol can be run from beginning to
end, features of its shape are **made**: 24 labels of unequal frequency, several an item, embeddings of 512 numbers for pictures
and for texts, queries against a retrieval part from which the training is drawn, a tenth of the published sizes. Nothing in them
comes from a photograph, so that figures on them compare lengths and ways of encoding, and say nothing of MIRFlickr itself.
"""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np

from models.contract import Result
from models.search.config import SearchConfig
from models.search.hash_task import HashTask
from models.search.judging import judge
from models.training import config as configs
from models.training.folds import train_fold

SIZES = {"query": 200, "retrieval": 1_800, "train": 1_000}  # published: 2,000 · 18,015 · 10,000
LABELS, DIM = 24, 512
BITS = (16, 32, 64, 128)
EPOCHS = 10
SEED = 25
Figures = Result  # by bits


def made_features(folder: Path, sizes: dict[str, int] | None = None) -> Path:
    """Write ``mirflickr_PART.pkl`` as published: a dict of image and text, float32 [n, 512], and label, int64 [n, 24].

    A label is a direction that pictures and texts have in common and one that each has alone; an item is the sum over its
    labels, of which a text leaves out a fifth, with noise and the mean of its kind (the gap between CLIP's modalities).
    """
    sizes = sizes or SIZES
    random = np.random.default_rng(SEED)
    shares = np.geomspace(0.3, 0.02, LABELS)
    shared = random.standard_normal((LABELS, DIM))
    alone = {kind: random.standard_normal((LABELS, DIM)) for kind in ("image", "text")}
    means = {kind: random.standard_normal(DIM) for kind in ("image", "text")}

    def items(count: int) -> dict[str, np.ndarray]:
        labels = random.random((count, LABELS)) < shares
        labels[~labels.any(1), 0] = True
        values: dict[str, np.ndarray] = {"label": labels.astype(np.int64)}
        for kind, left_out in (("image", 0.0), ("text", 0.2)):
            told = labels & (random.random(labels.shape) >= left_out)
            vectors = told @ (shared + 0.7 * alone[kind]) + means[kind]
            vectors = vectors + 5.0 * random.standard_normal((count, DIM))
            values[kind] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        return values

    parts = {"query": items(sizes["query"]), "retrieval": items(sizes["retrieval"])}
    parts["train"] = {name: values[: sizes["train"]] for name, values in parts["retrieval"].items()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in parts.items():
        (folder / f"mirflickr_{name}.pkl").write_bytes(pickle.dumps(values, 4))
    return folder


def protocol(
    folder: Path, bits: tuple[int, ...] = BITS, epochs: int = EPOCHS, sizes: dict[str, int] | None = None
) -> Figures:
    """Preset `default`, which is the literature's of MIRFlickr but for the epochs, on the made set, by bits."""
    data = made_features(folder / "made", sizes)
    result: Figures = {}
    for size in bits:
        values = configs.preset("search", "default")
        values |= {"epochs": epochs, "keep": "last", "map_every": epochs}
        values["data"] = values.get("data", {}) | {"path": str(data)}
        values["network"] = values["network"] | {"bits": size}
        config = configs.validated(SearchConfig, values)
        run = train_fold(folder / f"{size}-bits", "search", config, HashTask, "cpu")
        (judgement,) = judge([run.best], data, "cpu")
        result[str(size)] = of_dict(judgement.as_dict())
    return result


def of_dict(judged: Result) -> Result:
    """MAP@50 of words to pictures, of what `evaluate` says of a hash model: by codes of items encoded by themselves, with the
    bounds by ties; of codes of an item fused with its other half; of the real-valued embeddings; and by chance."""
    codes = {
        (item["method"], item["bits"]): item["map"]
        for item in judged["judged"]
        if item["way"].startswith("text")
    }
    bits = max(size for _, size in codes)
    single, real = codes["single", bits], next(item for (_, size), item in codes.items() if not size)
    return {
        "map": single["mean_average_precision"],
        "worst": single["worst_map"],
        "best": single["best_map"],
        "chance": single["chance"],
        "paired": codes["paired", bits]["mean_average_precision"],
        "real": real["mean_average_precision"],
        "queries": judged["queries"],
    }


# --- what is written of them --------------------------------------------------------------------------------


def table(figures: Figures) -> str:
    """By bits, as Markdown."""
    lines = [
        "| bits | MAP@50, encoded alone | by ties | encoded with its other half (`paired`) | real-valued | chance |",
        "|---|---|---|---|---|---|",
    ]
    for bits in sorted(figures, key=int):
        item = figures[bits]
        lines.append(
            f"| {bits} | {item['map']:.3f} | {item['worst']:.3f} to {item['best']:.3f} | {item['paired']:.3f} |"
            f" {item['real']:.3f} | {item['chance']:.3f} |"
        )
    return "\n".join(lines) + "\n"


def with_rows(card: str, figures: Figures) -> str:
    """The card of the hash model that ships, with these figures in its table. Raises ValueError where it has no such row."""
    for bits, item in figures.items():
        row = re.compile(rf"(\| {bits} bits, single \| )[\d.]+ \| [\d.]+ to [\d.]+( \|)")
        said = f"{item['map']:.3f} | {item['worst']:.3f} to {item['best']:.3f}"
        card, replaced = row.subn(rf"\g<1>{said}\g<2>", card)
        if replaced != 1:
            raise ValueError(f"the card has {replaced} rows of {bits} bits")
    return card


def draw(panels: dict[str, Figures], path: Path) -> None:
    """MAP@50 over bits, a panel a data set: the line with its bounds by ties, and what it is compared with."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(panels), 3.4), layout="constrained")
    FigureCanvasSVG(figure)
    for axis, (title, figures) in zip(
        np.atleast_1d(figure.subplots(1, len(panels))), panels.items(), strict=True
    ):
        bits = sorted(map(int, figures))
        series = {
            name: [figures[str(size)][name] for size in bits]
            for name in ("map", "worst", "best", "paired", "real", "chance")
        }
        axis.fill_between(
            bits,
            series["worst"],
            series["best"],
            color="#3b6fd4",
            alpha=0.18,
            linewidth=0,
            label="bounds by ties",
        )
        axis.plot(
            bits, series["map"], color="#3b6fd4", marker="o", markersize=4, label="codes, encoded alone"
        )
        axis.plot(
            bits,
            series["paired"],
            color="#c2571a",
            marker="s",
            markersize=4,
            linestyle="--",
            label="paired: no search can",
        )
        axis.plot(bits, series["real"], color="#4a4f57", linestyle=":", label="real-valued")
        axis.plot(bits, series["chance"], color="#9aa0a8", linestyle="-.", label="chance")
        axis.set_xscale("log", base=2)
        axis.set_xticks(bits, [str(size) for size in bits])
        axis.set_xlabel("bits")
        axis.set_ylabel("MAP@50, words to pictures")
        axis.set_title(title, fontsize=10)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.25)
    axis.legend(fontsize=7, frameon=False, loc="lower right")
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "search"}):
        figure.savefig(path, metadata={"Date": None})
