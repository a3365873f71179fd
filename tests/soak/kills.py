"""Training runs killed at random moments and resumed each time: they must end as the unbroken ones do, leave no half file
and no process behind. Twenty kills of a little network, and some of each system's demo."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "models" / "training"))

import psutil
import test_exactness as exactness

from models import checkpoint
from models.systems import SYSTEMS
from models.training import events
from models.training.run_folder import RunFolder

SHORT = {"emotion": 4, "separation": 1, "reverberation": 1, "eeg": 2, "search": 3}  # epochs of the demos


def main(systems: Sequence[str] = (), kills: int = 20, seed: int = 1) -> int:
    """The little network and every system, or the systems that are named. Prints what happened; 0 if all is well."""
    failed = sum(of_system(system, 4, seed) for system in systems or SYSTEMS)
    return failed if systems else of_little_network(kills, seed) or failed


def of_little_network(kills: int, seed: int) -> int:
    """Trained in this process and killed in one of its own; prints what happened."""
    with tempfile.TemporaryDirectory() as folder:
        settings = exactness.config(epochs=30, slow_s=0.01, dropout=0.1)
        whole = exactness.made(Path(folder) / "whole", settings)
        broken = exactness.made(Path(folder) / "broken", settings)
        exactness.Trainer(exactness.LineTask(settings), whole).train()
        exactness.killed_at_random(broken, kills, seed)
        exactness.Trainer(exactness.LineTask(settings), broken).train()
        ours, theirs = exactness.weights(whole), exactness.weights(broken)
        same = all(bool((theirs[name] == tensor).all()) for name, tensor in ours.items())
        curves = [exactness.Record.read(run).epochs["validation/error"].y.tolist() for run in (whole, broken)]
        print(
            f"{kills} kills: weights {'equal' if same else 'DIFFER'}, curve {'equal' if curves[0] == curves[1] else 'DIFFERS'}"
        )
        return 0 if same and curves[0] == curves[1] else 1


def of_system(system: str, kills: int, seed: int) -> int:
    """A system's demo, trained by the command line; prints what happened."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        whole, broken = (RunFolder(Path(folder) / name) for name in ("whole", "broken"))
        settings = ["--preset", "demo", "--quiet", "--device", "cpu", "--set", f"epochs={SHORT[system]}"]
        for run in (whole, broken):
            begin = _started("train", system, *settings, "--run", str(run.path))
            if run is whole:
                assert begin.wait() == 0
        done = 0
        while begin.poll() is None and done < kills:
            _after(broken, chance.randint(1, 25), begin)
            begin.send_signal(signal.SIGKILL)
            begin.wait()
            done += 1
            begin = _started("resume", str(broken.path), "--quiet", "--device", "cpu")
        ended = begin.wait() == 0
        ours, theirs = (checkpoint.load(run.last, system)[0] for run in (whole, broken))
        same = all(bool((theirs[name] == tensor).all()) for name, tensor in ours.items())
        left = [path.name for path in broken.path.glob(".*") if path.name != broken.lock_file.name]
        orphans = [
            item.pid
            for item in psutil.process_iter(["cmdline"])
            if str(broken.path) in (item.info["cmdline"] or [])
        ]
        print(
            f"{system}: {done} kills, ended {'well' if ended else 'BADLY'}, weights {'equal' if same else 'DIFFER'},"
            f" left behind: {', '.join(left) or 'nothing'}, processes: {orphans or 'none'}",
            flush=True,
        )
        return 0 if ended and same and not left and not orphans else 1


def _started(*arguments: str) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, "-m", "models", *arguments],
        env={**os.environ, "PYTHONPATH": root},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _after(run: RunFolder, count: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until the run has told so many more events, or has ended."""
    reader, seen = events.EventReader(run.events_file), 0
    reader.read_new()
    while seen < count and process.poll() is None:
        seen += len(reader.read_new())


if __name__ == "__main__":
    raise SystemExit(main())
