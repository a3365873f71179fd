"""Runs the workers: one process a family, ended and begun anew where a mutant crashes or hangs it."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.shares import SHARES

LONGEST_S = 30.0  # for one mutant; importing a library is the first one's part
LONGEST_START_S = 120.0


@dataclass(frozen=True)
class Outcome:
    """What came of a mutant: ``read``, ``refused`` (a UserError), or what went wrong, and where."""

    family: str
    number: int
    outcome: str
    where: str = ""
    seed: str = ""
    text: str = ""


def fuzz(
    mutants: int, first: int, families: list[str], keep: Path | None = None
) -> Iterator[tuple[str, list[Outcome]]]:
    """(family, outcomes) of so many mutants, shared out by `SHARES`."""
    from tests.fuzz.corpus import make

    whole = sum(SHARES[family] for family in families)
    with tempfile.TemporaryDirectory(prefix="fuzz-seeds-") as place:
        for family in families:
            seeds = make(Path(place) / family.replace(" ", "-"), family)
            listing = Path(place) / f"{family}.txt"
            listing.write_text("\n".join(map(str, seeds)), "utf-8")
            count = max(1, round(mutants * SHARES[family] / whole))
            result = list(_family(family, listing, first, first + count))
            if keep is not None:
                _kept(keep, family, seeds, result)
            yield family, result


def _family(family: str, listing: Path, first: int, last: int) -> Iterator[Outcome]:
    number = first
    while number < last:
        for outcome in _worker(family, listing, number, last):
            yield outcome
            number = outcome.number + 1


def _worker(family: str, listing: Path, first: int, last: int) -> Iterator[Outcome]:
    """Outcomes until the worker is through, or ended: then the last one says how."""
    command = [sys.executable, "-m", "tests.fuzz.worker", family, str(listing), str(first), str(last)]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "POLYPHONY_OFFLINE": "1",
        "PYTHONUTF8": "1",
    }
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    begun, done, rest = None, False, b""
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while True:
                if not selector.select(LONGEST_START_S if begun is None else LONGEST_S):
                    yield Outcome(family, first if begun is None else begun, "hang", "hang")
                    return
                data = os.read(process.stdout.fileno(), 65_536)
                if not data:
                    break
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    values = json.loads(line)
                    if "begins" in values:
                        begun, done = values["begins"], False
                        continue
                    done = True
                    yield Outcome(
                        family, values["number"], values["outcome"], values.get("where", ""), values.get("seed", ""),
                        values.get("text", ""),
                    )  # fmt: skip
        code = process.wait()
        if begun is None:
            raise RuntimeError(f"the worker of {family} did not begin: exit code {code}")
        if not done:
            yield Outcome(family, begun, "crash", f"exit code {code}")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _kept(keep: Path, family: str, seeds: list[Path], outcomes: list[Outcome]) -> None:
    from tests.fuzz.worker import made

    for item in outcomes:
        if item.outcome not in ("read", "refused"):
            folder = keep / f"{family.replace(' ', '-')}-{item.number}"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            made(seeds, item.number, folder)
