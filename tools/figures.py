"""The published figures of the models that ship, each from one command: ``python tools/figures.py [SYSTEM …]``.

Each system's models are judged as ``python -m models evaluate`` judges them, on what ships, into ``docs/figures/SYSTEM.json``;
the README's table of models is written from these files. A test compares table, cards and files. Takes some minutes on a
laptop; nothing is trained. ``--table`` writes the table anew and judges nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models import systems
from models.checkpoint import versions
from models.datafiles import write_whole
from models.files import read_json
from models.loading import bundled_names, read_info
from models.tables import write_json

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "figures"


def judged(system: str, choice: str, data: str = "sample") -> dict[str, Any]:
    """What `evaluate` says of a model that ships, without what is listed item by item."""
    evaluate = systems.system(system).capabilities.evaluate
    options = systems.system(system).evaluate_options()
    with contextlib.redirect_stdout(io.StringIO()):
        return evaluate(choice, data, None, options, "cpu")


def reverberation() -> dict[str, Any]:
    """The figures of the bundled ReverberationNet."""
    judgement = judged("reverberation", "bundled")
    return {name: judgement[name] for name in ("sequences", "mesh", "ridge on time means", "learned")}


def eeg() -> dict[str, Any]:
    """The figures of every EEG decoder that ships."""
    names = ("r", "within", "held_out", "chance", "generalisation")
    return {
        choice: {name: judged_eeg[name] for name in names}
        for choice in bundled_names("eeg")
        for judged_eeg in [judged("eeg", choice)]
    }


def search() -> dict[str, Any]:
    """MAP@50 of words to pictures by bits, of items encoded by themselves; of the real-valued embeddings; and by chance."""
    result: dict[str, Any] = {}
    for choice in bundled_names("search"):
        bits = read_info(choice, "search").network["bits"]
        judged_codes = judged("search", choice)
        ways = {
            (code["method"], code["bits"]): code
            for code in judged_codes["judged"]
            if code["way"].startswith("text")
        }
        single = ways["single", bits]["map"]
        result[str(bits)] = {
            "map": single["mean_average_precision"],
            "worst": single["worst_map"],
            "best": single["best_map"],
            "chance": single["chance"],
            "paired": ways["paired", bits]["map"]["mean_average_precision"],
            "real": next(item for (_, size), item in ways.items() if not size)["map"][
                "mean_average_precision"
            ],
            "queries": judged_codes["queries"],
        }
    return result


MAKERS: dict[str, Callable[[], dict[str, Any]]] = {
    "reverberation": reverberation,
    "eeg": eeg,
    "search": search,
}


def rows() -> dict[str, str]:
    """The README's row of each system whose figures are kept, by how it begins."""
    result = {name: read_json(FOLDER / f"{name}.json")["figures"] for name in MAKERS}
    mesh, ridge = result["reverberation"]["mesh"], result["reverberation"]["ridge on time means"]
    decoders, codes = result["eeg"], result["search"]["64"]
    return {
        "| ReverberationNet | routing": (
            f"| ReverberationNet | routing mesh, 1.1 million parameters | RMSE {mesh['rmse']:.2f} dB, r² {mesh['r2']:.2f},"
            f" on {result['reverberation']['sequences']} sequences of two people who took no step of training |"
            f" ridge {ridge['rmse']:.2f} dB, r² {ridge['r2']:.2f} |"
        ),
        "| EEG | ridge": (
            f"| EEG | ridge; a Conformer beside it | r {decoders['bundled']['r']:.3f} (Conformer"
            f" {decoders['bundled-conformer']['r']:.3f}) on three people never met, unseen time of the same stimulus |"
            f" shifted envelopes {decoders['bundled']['chance']:.3f} |"
        ),
        "| search | small": (
            f"| search | small CLIP and 64-bit codes for emoji | MAP@50 {codes['map']:.3f} ({codes['worst']:.3f} to"
            f" {codes['best']:.3f} by ties) on {codes['queries']} pictures never met | chance {codes['chance']:.3f},"
            f" real-valued {codes['real']:.3f} |"
        ),
    }


def write_table() -> None:
    """Put the rows into the README."""
    page = ROOT / "README.md"
    made = rows()
    lines = [
        next((row for start, row in made.items() if line.startswith(start)), line)
        for line in page.read_text("utf-8").split("\n")
    ]
    write_whole(page, "\n".join(lines))


def make(system: str) -> None:
    """Judge a system's models and keep the figures, with when and on what they were made."""
    started = time.monotonic()
    figures = MAKERS[system]()
    about = {
        "command": f"python tools/figures.py {system}",
        "made": time.strftime("%Y-%m-%d"),
        "machine": platform.processor() or platform.machine(),
        "versions": versions(),
        "seconds": round(time.monotonic() - started),
    }
    write_json(FOLDER / f"{system}.json", about | {"figures": figures})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("systems", nargs="*", default=list(MAKERS))
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    for name in [] if options.table else options.systems:
        make(name)
        print(read_json(FOLDER / f"{name}.json")["figures"])
    write_table()
