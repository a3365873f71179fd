"""``--selftest``: the program opens itself, shows every tab, runs every sample, trains a few steps, and says what it saw.

It is run after a build, where nobody looks: what was forgotten to be packed shows in it. It works in a folder of its own,
so that a person's settings and runs are left alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from app import systems
from models.resources import own_command

if TYPE_CHECKING:
    from app.main_window import MainWindow
    from app.tabs.base import Tab

LONGEST_S = 300.0  # for one sample
SETTLED_S = 0.3
TRAINING = ["train", "emotion", "--preset", "demo", "--set", "epochs=4", "batch_size=16", "--device", "cpu"]
LEAST_STEPS = 10


def own_home() -> tempfile.TemporaryDirectory[str]:
    """A home for this run alone; everything that reads the variable reads it after this."""
    home = tempfile.TemporaryDirectory(prefix="polyphony-selftest-", ignore_cleanup_errors=True)
    os.environ["POLYPHONY_HOME"] = home.name
    return home


class SelfTest:
    """Runs when the window has filled itself. problems: what was wrong, in words; times: seconds by what took them."""

    def __init__(self, window: MainWindow, quick: bool = False) -> None:
        """quick: the first page of each tab only."""
        self._window, self._quick = window, quick
        self.problems: list[str] = []
        self.times: dict[str, float] = {}
        self._errors: list[str] = []  # of the program, since the last page
        window.services.errors.happened.connect(lambda error, _path: self._errors.append(_told(error)))
        window.painted.connect(lambda: self.times.setdefault("start to first paint", _since_start()))
        window.filled.connect(self._begin)

    @property
    def exit_code(self) -> int:
        """0 where all was well."""
        return 1 if self.problems or "training" not in self.times else 0

    def _begin(self) -> None:
        self.times["start to first tab"] = _since_start()
        self._window.services.start(self._run())

    async def _run(self) -> None:
        try:
            for entry in systems.ENTRIES:
                await self._try_tab(entry.system)
            await self._train()
        except Exception as error:  # whatever it is, it is what this test is for
            self.problems.append(_told(error))
        for what, seconds in self.times.items():
            print(f"{what}: {seconds:.1f} s", flush=True)
        for problem in self.problems:
            print(f"problem: {problem}", flush=True)
        print(json.dumps({"times": self.times, "problems": self.problems}), flush=True)
        self._window.closing.go()

    async def _try_tab(self, system: str) -> None:
        began = time.monotonic()
        tab = self._window.show_tab(system)
        await self._quiet(tab)
        for page, sample in islice(_samples(tab), 1 if self._quick else None):
            print(f"{system} {page} …", flush=True)
            sample()
            await self._quiet(tab)
            tab.stop()
            await self._quiet(tab)
            self._note(f"{system} {page}", tab)
        self.times[system] = time.monotonic() - began

    def _note(self, where: str, tab: Tab) -> None:
        for message in tab.messages.messages:
            if message.level == "error":
                self.problems.append(f"{where}: {message.heading} {message.text}")
        self.problems += [f"{where}: {error}" for error in self._errors]
        self._errors.clear()

    async def _quiet(self, tab: Tab) -> None:
        """Until nothing is computed."""
        end = time.monotonic() + LONGEST_S
        await asyncio.sleep(SETTLED_S)
        while tab.is_busy or tab.services.tasks:
            if time.monotonic() > end:
                raise TimeoutError(f"{tab.system} did not come to rest")
            await asyncio.sleep(0.05)
        await asyncio.sleep(SETTLED_S)

    async def _train(self) -> None:
        """A run in a process of its own, started as the window starts one."""
        began = time.monotonic()
        run = Path(os.environ["POLYPHONY_HOME"]) / "selftest-run"
        process = await asyncio.to_thread(
            subprocess.run,
            [*own_command(), *TRAINING, "--run", str(run)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        steps = _steps(run)
        if process.returncode or steps < LEAST_STEPS:
            last = " | ".join(process.stdout.splitlines()[-3:])
            self.problems.append(f"training: exit code {process.returncode} after {steps} steps: {last}")
        self.times["training"] = time.monotonic() - began


def _samples(tab: Tab) -> Iterator[tuple[str, Callable[[], object]]]:
    """The pages of a tab, each with what shows its sample."""
    from app.tabs.paged import PagedTab

    assert isinstance(tab, PagedTab)
    for key, page in tab.pages.items():
        tab.choice.choose(key)
        yield key, page.try_sample


def _told(error: BaseException) -> str:
    """An error of the program in a line: what it is, and the place in which it came up."""
    place = traceback.extract_tb(error.__traceback__)[-1:]
    return " ".join([f"{type(error).__name__}: {error}", *(f"({at.filename}:{at.lineno})" for at in place)])


def _steps(run: Path) -> int:
    """How many steps the run's own story tells of."""
    try:
        lines = (run / "events.jsonl").read_text("utf-8").splitlines()
        return max(int(json.loads(line).get("step") or 0) for line in lines)
    except (OSError, ValueError):
        return 0


def _since_start() -> float:
    """Seconds since this process was created."""
    import psutil

    return time.time() - psutil.Process().create_time()
