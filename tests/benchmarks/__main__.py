"""``make bench``: each row against a named peer, interleaved, medians; every row in a process of its own.

Prints a table, and renews its rows in ``tests/benchmarks/results.json``, where each machine has its own. A row that
fails says so in its place, keeps what was measured before, and takes no other with it. Arguments choose rows by a part
of their names, such as ``eeg`` or ``eeg.ridge``; ``--quick`` runs each once on little work, to see that it runs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from tests.benchmarks import timing

Row = dict[str, object]
RESULTS = Path(__file__).with_name("results.json")
ROWS = [
    "emotion.attention",
    "emotion.speech_encoder",
    "emotion.live_path",
    "search.mean_average_precision",
    "search.exact_search",
    "search.million_rows",
    "search.indexing",
    "search.scrolling",
    "separation.forward",
    "separation.long_forward",
    "separation.training_step",
    "separation.ten_minutes",
    "eeg.training_step",
    "eeg.ridge",
    "eeg.hour",
    "window.first_paint",
    "window.event_loop_gap",
    "window.million_points",
    "window.five_thousand_sequences",
    "window.hour_long_lane",
    "training.many_long_runs",
    "reverberation.short_sequences",
    "reverberation.long_sequences",
]
LONGEST_S = 1800.0  # of one row


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of the names of the rows wanted")
    parser.add_argument("--quick", action="store_true", help="each row once, on little work")
    parser.add_argument("--only", help=argparse.SUPPRESS)  # one row, in this process; its last line is JSON
    asked = parser.parse_args()
    if asked.quick:
        os.environ[timing.QUICK] = "1"
    if asked.only:
        print(json.dumps(_measured_here(asked.only)), flush=True)
        return 0
    rows = {}
    for name in ROWS:
        if asked.names and not any(part in name for part in asked.names):
            continue
        print(f"{name} …", flush=True)
        rows[name] = _measured_here(name) if asked.quick else _measured_apart(name)
        if not asked.quick and "failed" not in rows[name]:
            _write(name, rows[name])
    print("\n| work | peer | ours | ratio | reach |\n|---|---|---|---|---|")
    for name, row in rows.items():
        if "failed" in row:
            print(f"| {name} | | failed: {row['failed']} | | |")
        else:
            print(f"| {row['work']} | {row['peer']} | {row['ours']} | {row['ratio']} | {row['reach']} |")
    return int(any("failed" in row for row in rows.values()))


def _measured_here(name: str) -> Row:
    module, _, function = name.partition(".")
    try:
        measure: Callable[[], Row] = getattr(import_module(f"tests.benchmarks.{module}"), function)
        return measure()
    except Exception as error:
        traceback.print_exc()
        return {"failed": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}


def _measured_apart(name: str) -> Row:
    """In a process of its own: its memory is its own, and how it ends is no other's matter."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks", "--only", name],
            cwd=timing.ROOT,
            stdout=subprocess.PIPE,
            text=True,
            timeout=LONGEST_S,
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"not done after {LONGEST_S / 60:.0f} minutes"}
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return {"failed": f"its process ended with {done.returncode}"}
    row: Row = json.loads(lines[-1])
    return row


def _write(name: str, row: Row) -> None:
    """Each row as it was last measured on each machine, in the order of the table."""
    known = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    here = known.setdefault(timing.machine(), {})
    here[name] = row | {"python": platform.python_version(), "when": time.strftime("%Y-%m-%d")}
    known[timing.machine()] = {item: here[item] for item in ROWS if item in here}
    RESULTS.write_text(json.dumps(known, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
