"""Sequences with targets, read from arrays and tables and written as arrays."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from models import file_names, files
from models.arrays import read_npy, read_npz
from models.datafiles import write_whole
from models.errors import UserError, shortened
from models.remarks import Remark
from models.resources import resource
from models.reverberation.sequences import Sequences, batched, checked, from_array, judged_windows, windows
from models.reverberation.tabular import (
    Columns,
    check_groups,
    group_names,
    in_time,
    read_columns,
)

SUFFIXES = (".npz", ".npy", ".csv", ".parquet")
TARGET_NAMES = ("y", "target", "targets")
SEQUENCE_NAMES = ("sequence", "sequence_id", "id")
GROUP_NAMES = ("group", "groups", "speaker", "speakers", "subject", "subjects")
TIME_NAMES = ("time", "step")
USED_ARRAYS = ("x", "x_scale", "lengths", "target_title", *TARGET_NAMES, *GROUP_NAMES)


def sample() -> Path:
    """The sequences that ship: log-mel frames of speech, whose level was taken out, with that level as target."""
    return resource("samples", "reverberation", "speech.npz")


def open_sequences(choice: str | Path, window: int = 32) -> Sequences:
    """Read a file; ``sample`` is the one that ships. `window` cuts a single series. Raises UserError."""
    path = sample() if str(choice) == "sample" else Path(choice)
    files.check_regular(path)
    kind, suffix = files.sniff(path), path.suffix.lower()
    if kind in ("npy", "zip"):
        result = _from_arrays(path, window, kind)
    elif suffix not in SUFFIXES and kind != "parquet":
        raise UserError(
            "{name} is not a table of sequences.",
            "Known are {suffixes}.",
            "Choose such a file.",
            name=file_names.shown(path.name),
            suffixes=", ".join(SUFFIXES),
        )
    elif suffix in (".npz", ".npy"):
        raise files.damaged(path, f"it is no {suffix[1:].upper()} of NumPy")
    else:
        result = _from_table(path, window)
    return checked(result, path.name)


def save_sequences(path: Path, sequences: Sequences) -> None:
    """As NPZ that `open_sequences` reads: x padded with zeros, lengths, and y and groups where there are any.
    Raises UserError."""
    x, lengths = batched(sequences, range(len(sequences)))
    arrays: dict[str, Any] = {"x": x, "target_title": np.array(sequences.target_title)}
    if lengths is not None:
        arrays["lengths"] = lengths
    if sequences.y is not None:
        arrays["y"] = sequences.y
    if sequences.groups:
        arrays["group"] = np.array(sequences.groups)
    contents = io.BytesIO()
    np.savez_compressed(contents, **arrays)
    write_whole(path, contents.getvalue())


def _from_arrays(path: Path, window: int, kind: str) -> Sequences:
    arrays: dict[str, Any] = {"x": read_npy(path)} if kind == "npy" else dict(read_npz(path))
    arrays = {
        name if name.lower() not in USED_ARRAYS else name.lower(): array for name, array in arrays.items()
    }
    x = arrays.get("x")
    if x is None:
        raise UserError(
            "{name} lacks the array x.",
            "It has {found}.",
            "Save the sequences as x, [n, time, width].",
            name=file_names.shown(path.name),
            found=shortened(", ".join(arrays)) or "none",
        )
    if not np.issubdtype(x.dtype, np.number) or np.iscomplexobj(x):
        raise UserError(
            "{name} does not hold numbers.",
            "x is of the kind {kind}.",
            "Save numbers as x.",
            name=path.name,
            kind=str(x.dtype),
        )
    scale = np.asarray(arrays.get("x_scale", 1.0))  # samples that ship are kept as small whole numbers
    y = next((arrays[name] for name in TARGET_NAMES if name in arrays), None)
    if scale.size != 1 or scale.dtype.kind not in "iuf" or (y is not None and y.dtype.kind not in "iufb"):
        raise UserError(
            "{name} does not hold numbers.",
            "x_scale and y are to be numbers.",
            "Save numbers as y.",
            name=file_names.shown(path.name),
        )
    with np.errstate(over="ignore", invalid="ignore"):
        values = x.astype(np.float32) * np.float32(scale.reshape(-1)[0])
    result = from_array(values, y, arrays.get("lengths"), path.name, window)
    named = next((arrays[name] for name in GROUP_NAMES if name in arrays), None)
    groups = group_names(path, named, len(result))
    unused = sorted(set(arrays) - set(USED_ARRAYS))
    remarks = [Remark("Arrays that were not used: {names}.", names=shortened(", ".join(unused)))]
    return Sequences(
        result.x,
        result.y,
        groups,
        result.in_time,
        title=path.stem,
        target_title=shortened(arrays.get("target_title", result.target_title), 80),
        remarks=tuple(remarks if unused else []),
    )


class _Roles(NamedTuple):
    """The columns of a table that mean something other than a feature; None where it has no such column."""

    target: str | None
    sequence: str | None
    group: str | None
    time: str | None


def _from_table(path: Path, window: int) -> Sequences:
    columns = read_columns(path)
    roles = _Roles(
        *(columns.named(names) for names in (TARGET_NAMES, SEQUENCE_NAMES, GROUP_NAMES, TIME_NAMES))
    )
    special = {roles.target, roles.sequence, roles.group}
    special |= {column for column in columns.values if column.lower() in TIME_NAMES}
    features = [name for name in columns.values if name not in special]
    if not features:
        raise UserError(
            "{name} has no column of features.",
            "",
            "Add one column a feature.",
            name=file_names.shown(path.name),
        )
    table = np.stack([columns.numbers(name) for name in features], axis=1)
    if not len(table):
        raise UserError(
            "{name} holds no sequence.", "", "Choose another file.", name=file_names.shown(path.name)
        )
    result = (
        _one_signal(path, columns, roles, table, window)
        if roles.sequence is None
        else _named_sequences(path, columns, roles, table)
    )
    return replace(result, names=tuple(features), title=path.stem, remarks=tuple(columns.remarks))


def _one_signal(path: Path, columns: Columns, roles: _Roles, table: np.ndarray, window: int) -> Sequences:
    """Windows of a table [rows, features] that names no sequences: its rows follow one another in time."""
    targets = None if roles.target is None else columns.numbers(roles.target)
    order = in_time(columns, roles.time, [list(range(len(table)))])[0]
    if targets is None:
        result, target_title = windows(table[order], window, path.name), "next value"
    else:
        result, target_title = (
            judged_windows(table[order], targets[order], window, path.name),
            str(roles.target),
        )
    return Sequences(result.x, result.y, in_time=True, target_title=target_title)


def _named_sequences(path: Path, columns: Columns, roles: _Roles, table: np.ndarray) -> Sequences:
    """The rows of a table [rows, features] by the sequence that each names; a sequence's target is that of its last row."""
    assert roles.sequence is not None
    targets = None if roles.target is None else columns.numbers(roles.target)
    places: dict[str, list[int]] = {}
    for row, name in enumerate(columns.texts(roles.sequence)):
        if not name.strip():
            raise UserError(
                "{name} names no sequence in row {row}.",
                "Rows without a name would be taken for one sequence.",
                "Fill the column {column}, or take the row out.",
                name=file_names.shown(path.name),
                row=row + 2,
                column=roles.sequence,
            )
        places.setdefault(name, []).append(row)
    each = in_time(columns, roles.time, list(places.values()))
    groups = columns.texts(roles.group) if roles.group is not None else None
    check_groups(path, list(places), each, groups)
    if targets is not None:
        differ = sum(bool(np.ptp(targets[rows]) > 0) for rows in each)
        if differ:
            columns.remarks.append(
                Remark(
                    "The target differs within {count} sequences; that of the last row was taken.",
                    count=differ,
                )
            )
    return Sequences(
        tuple(table[rows] for rows in each),
        None if targets is None else np.array([targets[rows[-1]] for rows in each], np.float32),
        tuple(groups[rows[0]] for rows in each) if groups is not None else (),
        target_title=str(roles.target or ""),
    )
