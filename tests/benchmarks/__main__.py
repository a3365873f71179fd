"""``make bench``: each row against a named peer in the same process (or the same kind of process), interleaved, medians.

Prints a table, and renews its rows in ``tests/benchmarks/results.json``. Arguments choose rows by a part of their
names, such as ``eeg`` or ``eeg.ridge``.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.benchmarks import eeg, emotion, reverberation, search, separation, training, window

Row = dict[str, object]
RESULTS = Path(__file__).with_name("results.json")
ROWS: list[Callable[[], Row]] = [
    emotion.attention,
    emotion.speech_encoder,
    emotion.live_path,
    search.mean_average_precision,
    search.exact_search,
    search.indexing,
    search.scrolling,
    separation.forward,
    separation.long_forward,
    separation.training_step,
    separation.ten_minutes,
    eeg.training_step,
    eeg.ridge,
    eeg.hour,
    window.first_paint,
    window.event_loop_gap,
    window.million_points,
    window.five_thousand_sequences,
    window.hour_long_lane,
    training.many_long_runs,
    reverberation.short_sequences,  # these keep the process's memory, so no row that counts it may follow
    reverberation.long_sequences,
]


def main() -> int:
    wanted = sys.argv[1:]
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    rows = []
    for measure in ROWS:
        if wanted and not any(part in _name(measure) for part in wanted):
            continue
        print(f"{_name(measure)} …", flush=True)
        rows.append(measure())
        when = {"machine": machine, "python": platform.python_version(), "when": time.strftime("%Y-%m-%d")}
        _write({_name(measure): rows[-1] | when})
    print("\n| work | peer | ours | ratio | reach |\n|---|---|---|---|---|")
    for row in rows:
        print(f"| {row['work']} | {row['peer']} | {row['ours']} | {row['ratio']} | {row['reach']} |")
    return 0


def _name(measure: Callable[[], Row]) -> str:
    """Its system and what it measures: ``eeg.training_step``."""
    return f"{measure.__module__.rpartition('.')[2]}.{measure.__name__}"


def _write(renewed: dict[str, Row]) -> None:
    """Each row as it was last measured, in the order of the table."""
    known = json.loads(RESULTS.read_text("utf-8")) | renewed if RESULTS.exists() else renewed
    kept = {name: known[name] for name in map(_name, ROWS) if name in known}
    RESULTS.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    np.seterr(all="ignore")
    raise SystemExit(main())
