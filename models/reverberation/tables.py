"""What was observed, as files: CSV for spreadsheets, NPZ for programs."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from models.datafiles import write_whole
from models.reverberation.observer import Observation
from models.reverberation.wiring import PROCESSOR_NAMES, ROLE_NAMES


def write_observation(path: Path, found: Observation) -> None:
    """By the suffix: ``.npz`` (output [n], gates [38, n], kl [45, n]), else CSV with a row a sequence. Raises UserError."""
    if path.suffix.lower() == ".npz":
        contents = io.BytesIO()
        np.savez(contents, output=found.output, gates=found.gates, kl=found.kl)
        write_whole(path, contents.getvalue())
        return
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    gates = [f"gate_{role}_{number}" for number in (1, 2) for role in ROLE_NAMES]
    kl = [f"kl_{role}_{number}" for number in (1, 2) for role in ROLE_NAMES] + [
        f"kl_{p}" for p in PROCESSOR_NAMES
    ]
    writer.writerow(["sequence", "output", "target", *gates, *kl])
    for number in range(len(found.output)):
        target = "" if found.target is None else f"{found.target[number]:.6g}"
        values = [f"{one:.6g}" for one in (*found.gates[:, number], *found.kl[:, number])]
        writer.writerow([number + 1, f"{found.output[number]:.6g}", target, *values])
    write_whole(path, text.getvalue().encode())
