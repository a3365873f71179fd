"""What masks by ReLU, input at one level, and warm-up with half a cosine bring to separation: ``python -m tools.ablate_separation``.

Trains preset `ablation` and the three that differ from it in one choice each, with every seed, a run folder each, and writes
``separation-ablation.md`` and ``.json`` of what the runs have told. What was interrupted goes on, and what is done is not
trained again. ``--data`` names other voices than the sample's, ``--set`` another size, ``--out`` where the pages are written.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from models import devices
from models.separation.config import SeparationConfig
from models.separation.task import SeparationTask
from models.training import config as configs
from models.training.folds import train_fold
from models.training.record import Record
from tools.ablations import Figures, ablate, lost_words, spread

BASE = "ablation"
VARIANTS = {
    BASE: "ReLU, one level, warm-up and half a cosine",
    "ablation-sigmoid": "masks by a sigmoid",
    "ablation-raw": "input as loud as recorded",
    "ablation-halving": "learning rate halved where it stands still",
}
NAME = "separation-ablation"
DIGITS = 2
PAUSE_S = 60.0  # between two steps: the run was interrupted


@dataclass(frozen=True)
class Outcome:
    """One run. gained: the best epoch's improvement of SI-SDR on speakers never met, dB; last: the last epoch's.

    largest_mask: mean over the last epoch's steps of the largest factor of a mask. seconds: of the training, pauses left out.
    """

    preset: str
    seed: int
    gained: float
    last: float
    largest_mask: float
    seconds: float


def config_of(name: str, seed: int, data: str, changes: Sequence[str]) -> SeparationConfig:
    """The settings of a variant: its preset on the voices at `data`, with what ``--set`` changes in all of them alike."""
    values = configs.override(configs.preset("separation", name), list(changes))
    values |= {"seed": seed, "data": values["data"] | {"path": data}}
    return configs.validated(SeparationConfig, values)


def trained(runs: Path, config: SeparationConfig, name: str, seed: int) -> tuple[Outcome, Record]:
    """One run, trained unless it is done."""
    run = train_fold(runs / f"{name}-seed-{seed}", "separation", config, SeparationTask, "cpu")
    record = Record.read(run)
    gained = record.epochs["validation/si_sdri"].y
    mask = record.epochs["train/largest_mask"].y[-1]
    between = np.diff(record.steps["train/loss"].t)
    seconds = float(between[between < PAUSE_S].sum())
    return Outcome(name, seed, float(gained.max()), float(gained[-1]), float(mask), seconds), record


def measured(data: str, runs: Path, seeds: Sequence[int], changes: Sequence[str]) -> Figures:
    """All runs, seed by seed, so that a part of it compares already."""
    devices.use_threads(1)
    rows, counts = [], {}
    for seed in seeds:
        for name in VARIANTS:
            row, record = trained(runs, config_of(name, seed, data, changes), name, seed)
            rows.append(row)
            counts = dict(record.started.trains) if record.started is not None else {}
            print(f"{name}, seed {seed}: {row.gained:.2f} dB, {row.seconds:.0f} s", flush=True)
    recipe = config_of(BASE, seeds[0], data, changes)
    return {
        "made": time.strftime("%Y-%m-%d"),
        "data": "sample" if data == "sample" else Path(data).name,
        "counts": counts,
        "recipe": configs.without_folders(recipe),
        "runs": [asdict(row) for row in rows],
    }


def table(rows: Sequence[Figures]) -> str:
    """A row a variant: means and standard deviations over the seeds, and how it differs from `ablation`, seed by seed."""
    lines = [
        "| preset | what differs | improvement, best epoch | last epoch | largest mask | against `ablation`, by seed |",
        "|---|---|---|---|---|---|",
    ]
    base = {row["seed"]: row["gained"] for row in rows if row["preset"] == BASE}
    for name, words in VARIANTS.items():
        own = [row for row in rows if row["preset"] == name]
        differences = [row["gained"] - base[row["seed"]] for row in own]
        against = (
            ", ".join(f"{value:+.2f}" for value in differences).replace("-", "−") if name != BASE else ""
        )
        cells = [
            f"`{name}`",
            words,
            *(f"{spread([row[part] for row in own], DIGITS)} dB" for part in ("gained", "last")),
            spread([row["largest_mask"] for row in own], DIGITS),
            against,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def verdict(rows: Sequence[Figures], name: str) -> str:
    """What a choice brought, as far as the seeds agree."""
    base = {row["seed"]: row["gained"] for row in rows if row["preset"] == BASE}
    lost = [base[row["seed"]] - row["gained"] for row in rows if row["preset"] == name]
    return f"- `{BASE}` over `{name}`: {lost_words(lost, DIGITS, ' dB')}."


def written(figures: Figures) -> str:
    """The page."""
    recipe, counts, rows = figures["recipe"], figures["counts"], figures["runs"]
    seeds = len({row["seed"] for row in rows})
    minutes = sum(row["seconds"] for row in rows) / 60
    size = recipe["data"]["epoch_mixtures"]
    lines = [
        "# Three choices of separation, one by one",
        "",
        f"Made {figures['made']} on {figures['data']} by `python -m tools.ablate_separation`: {seeds} seeds of each preset,"
        f" {recipe['epochs']} {'epochs' if recipe['epochs'] > 1 else 'epoch'} of {size} mixtures of {recipe['data']['segment_s']:g} s, batches of {recipe['batch_size']}, one core,"
        f" {minutes:.0f} minutes of training in all. Judged on {recipe['data']['fixed_mixtures']} fixed mixtures of"
        f" {recipe['data']['fixed_s']:g} s of speakers who took no part: how much SI-SDR improves. Mean ± standard deviation over the seeds.",
        "",
        table(rows),
        *(verdict(rows, name) for name in VARIANTS if name != BASE),
        "",
        f"{seeds} seeds that agree in direction do so by chance once in {2 ** (seeds - 1)}.",
        f"This is a small network at a small budget ({', '.join(f'{name} {value}' for name, value in counts.items())}): it shows what a"
        " choice does to the first part of a training, and nothing of a long one.",
        "",
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what is not yet trained, and write the pages."""
    ablate(NAME, __doc__, measured, written, lambda figures: table(figures["runs"]), arguments)


if __name__ == "__main__":
    main()
