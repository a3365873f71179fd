"""What the ablations have in common: their command line, the two files that they write, and how figures over seeds are told."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.datafiles import write_whole
from models.resources import resource

Figures = dict[str, Any]  # as JSON has them
Measured = Callable[[str, Path, Sequence[int], Sequence[str]], Figures]


def ablate(
    name: str,
    description: str | None,
    measured: Measured,
    written: Callable[[Figures], str],
    table: Callable[[Figures], str],
    arguments: Sequence[str] | None = None,
) -> None:
    """Measure what the command line asks for, write ``NAME.json`` and ``NAME.md``, and print the table.

    measured: of data, the folder of the runs, the seeds and what ``--set`` changes. written: the page. table: what is printed of it.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="sample")
    parser.add_argument("--runs", type=Path, default=resource().parent / "build" / name)
    parser.add_argument("--out", type=Path, default=resource().parent / "docs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE")
    options = parser.parse_args(arguments)
    figures = measured(options.data, options.runs, options.seeds, options.set)
    text = json.dumps(figures, indent=1, ensure_ascii=False) + "\n"
    write_whole(options.out / f"{name}.json", text.encode())
    write_whole(options.out / f"{name}.md", written(figures).encode())
    print(table(figures))


def spread(values: Sequence[float], digits: int) -> str:
    """Mean ± standard deviation over the seeds; the value alone of one seed."""
    text = f"{float(np.mean(values)):.{digits}f}"
    return f"{text} ± {float(np.std(values, ddof=1)):.{digits}f}" if len(values) > 1 else text


def lost_words(lost: Sequence[float], digits: int, unit: str = "") -> str:
    """What leaving something out cost, a figure a seed: the mean, and whether the seeds agree in its direction."""
    agreed = len(lost) > 1 and (min(lost) > 0 or max(lost) < 0)
    words = "the seeds agree" if agreed else "the seeds do not agree" if len(lost) > 1 else "one seed"
    mean = f"{float(np.mean(lost)):+.{digits}f}".replace("-", "−")
    return f"{mean}{unit} ({words})"
