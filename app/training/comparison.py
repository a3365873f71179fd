"""What runs beside one another come to: settings that differ, figures, paired tests. Computed in a worker, without Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from app.i18n import digits, tr, tr_error
from app.training.watched import WatchedRun, judged_by
from app.training.words import figure_words, metric_words, state_words, title_of
from app.widgets.config_editors import value_words
from app.widgets.config_fields import titles_of
from models.errors import UserError
from models.training.config import changed
from models.training.items import Items
from models.training.run_folder import RunFolder
from models.training.significance import compare_items

UNCOMPARED = ("notes", "system")


@dataclass(frozen=True)
class RunSummary:
    """A run as it stood when the comparison was asked for. `config` is None where it has not been read yet.

    last: the last value of each figure of its epochs. best_values: those of its best epoch.
    """

    path: Path
    title: str
    group: str
    state: str
    config: dict[str, Any] | None
    metric: str
    best: float | None
    best_values: dict[str, float]
    last: dict[str, float]
    epochs: int | None


@dataclass(frozen=True)
class Table:
    """`columns`: runs or groups. `rows`: (what, a cell a column); `best_rows`: those of best figures. `settings`: the dotted
    names of the settings that the first rows are of."""

    columns: list[str]
    rows: list[tuple[str, list[str]]]
    best_rows: frozenset[int] = frozenset()
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Compared:
    """The table, the sentences of the paired tests, and the configs that were read for them."""

    table: Table
    tests: list[str]
    configs: dict[Path, dict[str, Any]]


def summary_of(run: WatchedRun) -> RunSummary:
    """The run as it stands. Called in the GUI thread: nothing is read from the disk."""
    story = run.story
    finished, best = story.finished, story.best_epoch
    return RunSummary(
        path=run.path,
        title=title_of(run),
        group=run.group,
        state=state_words(run),
        config=run.known_config,
        metric=finished.metric if finished is not None else "",
        best=finished.best_value if finished is not None else None,
        best_values=dict(best.values) if best is not None else {},
        last={name: float(series.y[-1]) for name, series in run.epochs.items() if len(series)},
        epochs=story.last_epoch.epoch if story.last_epoch is not None else None,
    )


def compare(runs: Sequence[RunSummary], grouped: bool) -> Compared:
    """In a worker: reads what is missing, and compares. With `grouped` a column is a group: mean ± sd."""
    whole = [_complete(run) for run in runs]
    configs = {run.path: run.config or {} for run in whole}
    return Compared(tabulate(whole, grouped), [] if grouped else significance_words(whole), configs)


def _complete(run: RunSummary) -> RunSummary:
    """With its config, and the figure it is judged by."""
    config = run.config
    if config is None:
        try:
            config = RunFolder(run.path).config()
        except Exception:  # a folder that anybody may have written: compared without its settings
            config = {}
    metric = run.metric or judged_by(config, list(run.last))
    best = run.best if run.best is not None else run.best_values.get(metric)
    return replace(run, config=config, metric=metric, best=best)


def tabulate(runs: Sequence[RunSummary], grouped: bool = False) -> Table:
    """Settings that differ among the runs, then their figures."""
    columns = _columns(runs, grouped)
    groups = list(columns.values())
    rows: list[tuple[str, list[str]]] = []
    settings, titles = tuple(differing(runs)), _titles(runs)
    for name in settings:
        cells = []
        for some in groups:
            values = list(dict.fromkeys(_words(_at(run.config or {}, name)) for run in some))
            cells.append(", ".join(values[:4]) + (" …" if len(values) > 4 else ""))
        rows.append((titles.get(name, name), cells))
    rows.append((tr("state"), [", ".join(dict.fromkeys(run.state for run in some)) for some in groups]))
    first = len(rows)
    for metric in dict.fromkeys(run.metric for run in runs if run.metric):
        best = [[run.best for run in some if run.metric == metric] for some in groups]
        rows.append((tr("best {figure}", figure=metric_words(metric)), [_spread(values) for values in best]))
    best_rows = frozenset(range(first, len(rows)))
    named = list(dict.fromkeys(name for run in runs for name in run.last if "/" in name))
    for name in sorted(named, key=lambda name: name.startswith("train/")):
        last = [[run.last[name] for run in some if name in run.last] for some in groups]
        split = tr("training") if name.startswith("train/") else tr("validation")
        words = tr("last {figure}, {split}", figure=metric_words(name), split=split)
        rows.append((words, [_spread(values) for values in last]))
    epochs = [[run.epochs for run in some if run.epochs is not None] for some in groups]
    rows.append((tr("epochs"), [f"{np.mean(values):.0f}" if values else "" for values in epochs]))
    return Table(list(columns), rows, best_rows, settings)


def _titles(runs: Sequence[RunSummary]) -> dict[str, str]:
    """Dotted name → what the form of a new run calls it, for the systems of the runs; of one that is not known, nothing."""
    from models.systems import SYSTEMS, training_config

    titles: dict[str, str] = {}
    for system in dict.fromkeys(str((run.config or {}).get("system")) for run in runs):
        if system in SYSTEMS:
            titles = titles_of(training_config(system)) | titles
    return titles


def differing(runs: Sequence[RunSummary]) -> list[str]:
    """Dotted names of the settings in which the runs are not all alike."""
    names: dict[str, None] = {}
    for run in runs[1:]:
        names.update(dict.fromkeys(changed(run.config or {}, runs[0].config or {})))
    return [name for name in names if name not in UNCOMPARED]


def significance_words(runs: Sequence[RunSummary]) -> list[str]:
    """What the others' paired tests against the first run say; empty where it keeps no items."""
    kept = [(run, Items.load(run.path)) for run in runs]
    (base, first), *others = kept
    if first is None:
        return []
    sentences = []
    for run, items in others:
        if items is None:
            continue
        try:
            test = compare_items(first, items)
        except UserError as error:
            sentences.append(f"{run.title}: {' '.join(tr_error(error)[:2])}")
            continue
        difference = digits(test.difference, "+.3f")
        words = tr(
            "{name}: {difference}, permutation p = {p}",
            name=run.title,
            difference=difference,
            p=f"{test.permutation_p:.3f}",
        )
        if test.mcnemar_p is not None:
            words += tr(", McNemar p = {p}", p=f"{test.mcnemar_p:.3f}")
        sentences.append(words)
    if not sentences:
        return []
    groups = len(set(first.groups))
    head = tr(
        "Against {base}, paired over {groups} groups of the same {n} items:",
        base=base.title,
        groups=groups,
        n=len(first.names),
    )
    few = [tr("With fewer than six groups no difference can be significant.")] if groups < 6 else []
    return [head, *sentences, *few]


def _columns(runs: Sequence[RunSummary], grouped: bool) -> dict[str, list[RunSummary]]:
    columns: dict[str, list[RunSummary]] = {}
    for run in runs:
        columns.setdefault((run.group if grouped else "") or run.title, []).append(run)
    return columns


def _at(config: dict[str, Any], name: str) -> Any:
    value: Any = config
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else value_words(value)


def _spread(values: Sequence[float | None]) -> str:
    """``0.812`` or ``0.812 ± 0.013 (n = 5)``."""
    there = [value for value in values if value is not None and np.isfinite(value)]
    if not there:
        return ""
    if len(there) == 1:
        return figure_words(there[0])
    return f"{figure_words(float(np.mean(there)))} ± {figure_words(float(np.std(there, ddof=1)))} (n = {len(there)})"
