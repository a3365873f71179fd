"""What was observed, as files: CSV for spreadsheets, NPZ for programs."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from models.datafiles import write_whole
from models.reverberation.observer import Effect, Observation
from models.reverberation.wiring import CONDUCTOR, PROCESSOR_NAMES, PROCESSORS, ROLE_NAMES, ROLES
from models.tables import write_csv


def write_observation(path: Path, observation: Observation) -> None:
    """By the suffix: ``.npz`` (output [n], gates [38, n], kl [45, n]), else CSV with a row a sequence. Raises UserError."""
    if path.suffix.lower() == ".npz":
        contents = io.BytesIO()
        np.savez(contents, output=observation.output, gates=observation.gates, kl=observation.kl)
        write_whole(path, contents.getvalue())
        return
    gates = [f"gate_{role}_{number}" for number in (1, 2) for role in ROLE_NAMES]
    kl = [f"kl_{role}_{number}" for number in (1, 2) for role in ROLE_NAMES] + [
        f"kl_{p}" for p in PROCESSOR_NAMES
    ]
    rows = []
    for number in range(len(observation.output)):
        target = "" if observation.target is None else f"{observation.target[number]:.6g}"
        values = [f"{item:.6g}" for item in (*observation.gates[:, number], *observation.kl[:, number])]
        rows.append([number + 1, f"{observation.output[number]:.6g}", target, *values])
    write_csv(path, [["sequence", "output", "target", *gates, *kl], *rows])


def write_ranking(path: Path, effects: Iterable[Effect]) -> None:
    """CSV: role, error that muting it adds (empty without targets), change of the output. Raises UserError."""
    rows = [
        [
            effect.role,
            "" if np.isnan(effect.added_error) else f"{effect.added_error:.6g}",
            f"{effect.change:.6g}",
        ]
        for effect in effects
    ]
    write_csv(path, [["role", "added_error", "change_of_output"], *rows])


def write_parameters(path: Path, counts: Mapping[str, int]) -> None:
    """CSV: every module with its Chinese name, body and number of parameters. Raises UserError."""
    known = {module.name: module for module in (*ROLES, *PROCESSORS, CONDUCTOR)}
    rows = []
    for name, count in counts.items():
        module = known.get(name)
        rows.append([name, module.chinese if module else "", module.body if module else "Linear", count])
    write_csv(path, [["module", "chinese", "body", "parameters"], *rows])
