"""Sequences with targets: read from arrays and tables, checked, parted."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from models import files
from models.datafiles import write_whole
from models.errors import UserError
from models.remarks import Remark
from models.resources import resource
from models.reverberation.tabular import check_groups, group_names, in_time, read_columns, whole_numbers

SUFFIXES = (".npz", ".npy", ".csv", ".parquet")
TARGET_NAMES = ("y", "target", "targets")
SEQUENCE_NAMES = ("sequence", "sequence_id", "id")
GROUP_NAMES = ("group", "groups", "speaker", "speakers", "subject", "subjects")
TIME_NAMES = ("time", "step")
USED_ARRAYS = ("x", "x_scale", "lengths", "target_title", *TARGET_NAMES, *GROUP_NAMES)


class WrongWidth(UserError):
    """The sequences have other features than the model: they can be projected."""


@dataclass(frozen=True)
class Sequences:
    """x: float32 [time, width] a sequence. y: float32 [n] or None. groups: a name a sequence, or none at all.

    in_time: whether they are windows of one series, and so parted in time. names: of the features, or none.
    remarks: what was left out or assumed when they were read.
    """

    x: tuple[np.ndarray, ...]
    y: np.ndarray | None = None
    groups: tuple[str, ...] = ()
    in_time: bool = False
    names: tuple[str, ...] = ()
    title: str = ""
    target_title: str = ""
    remarks: tuple[Remark, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.x)

    @property
    def width(self) -> int:
        return int(self.x[0].shape[1])

    @property
    def longest(self) -> int:
        return max(len(item) for item in self.x)

    def part(self, chosen: Sequence[int] | np.ndarray) -> Sequences:
        """Those sequences, in that order."""
        index = [int(i) for i in chosen]
        return Sequences(
            tuple(self.x[i] for i in index),
            None if self.y is None else self.y[index],
            tuple(self.groups[i] for i in index) if self.groups else (),
            self.in_time,
            self.names,
            self.title,
            self.target_title,
            self.remarks,
        )


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
            name=files.shown(path.name),
            suffixes=", ".join(SUFFIXES),
        )
    elif suffix in (".npz", ".npy"):
        raise files.damaged(path, f"it is no {suffix[1:].upper()} of NumPy")
    else:
        result = _from_table(path, window)
    return checked(result, path.name)


def from_array(
    x: np.ndarray,
    y: np.ndarray | None = None,
    lengths: np.ndarray | None = None,
    title: str = "",
    window: int = 32,
) -> Sequences:
    """Sequences of an array [n, time, width], or the windows of a series [time, width] or [time]."""
    x = np.asarray(x)
    if x.ndim == 1:
        x = x[:, None]
    if x.ndim == 2:
        if lengths is not None:
            raise UserError(
                "The lengths do not fit the sequences.",
                "x is one series, [time, width].",
                "Save the sequences as [n, time, width], or leave the lengths out.",
            )
        if y is None:
            return checked(windows(np.asarray(x, np.float32), window, title), title)
        return checked(judged_windows(np.asarray(x, np.float32), np.ravel(y), window, title), title)
    if x.ndim != 3:
        raise UserError(
            "{name} has {count} dimensions.",
            "Sequences are [n, time, width], one series is [time, width].",
            "Bring the array into that shape.",
            name=title or "x",
            count=x.ndim,
        )
    counts = [x.shape[1]] * len(x) if lengths is None else whole_numbers(lengths)
    if len(counts) != len(x) or any(not 0 < count <= x.shape[1] for count in counts):
        raise UserError(
            "The lengths do not fit the sequences.",
            "Each lies between 1 and {longest}, one a sequence.",
            "Correct the lengths.",
            longest=x.shape[1],
        )
    parts = tuple(np.asarray(item[:count], np.float32) for item, count in zip(x, counts, strict=True))
    return checked(
        Sequences(parts, None if y is None else np.asarray(y, np.float32).reshape(-1), title=title), title
    )


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


def windows(series: np.ndarray, window: int, title: str = "") -> Sequences:
    """A series [time, width] as windows, each with the first feature's next value as target."""
    if len(series) <= window:
        raise UserError(
            "{name} has only {count} steps.",
            "A window of {window} and the value after it are needed.",
            "Choose a shorter window, or a longer series.",
            name=title or "The series",
            count=len(series),
            window=window,
        )
    count = len(series) - window
    parts = tuple(series[start : start + window] for start in range(count))
    return Sequences(parts, series[window:, 0].copy(), in_time=True, title=title, target_title="next value")


def judged_windows(series: np.ndarray, targets: np.ndarray, window: int, title: str = "") -> Sequences:
    """A series [time, width] as windows, each with the target [time] of its last step. Raises UserError."""
    if len(targets) != len(series):
        raise UserError(
            "{name} has {targets} targets for {count} steps.",
            "x is one series, [time, width].",
            "Give each step one target, or save the sequences as [n, time, width].",
            name=title or "x",
            targets=len(targets),
            count=len(series),
        )
    count = len(series) - window + 1
    if count < 1:
        return windows(series, window, title)  # says so
    parts = tuple(series[start : start + window] for start in range(count))
    return Sequences(parts, np.asarray(targets[window - 1 :], np.float32), in_time=True, title=title)


def noise(samples: int, seed: int, length: int = 10, width: int = 64) -> Sequences:
    """The published experiment: N(0, 1) sequences with U(0, 1) targets. There is nothing to learn but the noise."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((samples, length, width)).astype(np.float32)
    y = random.uniform(0, 1, samples).astype(np.float32)
    return Sequences(tuple(x), y, title="noise", target_title="uniform noise")


def split(sequences: Sequences, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(train, validation) indices: whole groups where there are any, the end of a series, else drawn by the seed."""
    n = len(sequences)
    if sequences.in_time:
        first = n - max(1, round(share * n))
        gap = len(sequences.x[0])  # windows that overlap the validation part belong to neither
        train, validation = np.arange(max(0, first - gap)), np.arange(first, n)
    elif sequences.groups:
        names = sorted(set(sequences.groups))
        held = set(np.random.default_rng(seed).permutation(names)[: max(1, round(share * len(names)))])
        mine = np.array([name in held for name in sequences.groups])
        train, validation = np.flatnonzero(~mine), np.flatnonzero(mine)
    else:
        order = np.random.default_rng(seed).permutation(n)
        count = max(1, round(share * n))
        train, validation = np.sort(order[count:]), np.sort(order[:count])
    if not len(train) or not len(validation):
        raise UserError(
            "There is too little data to part.",
            "{count} sequences leave a part without any.",
            "Choose more data.",
            count=n,
        )
    return train, validation


def checked(sequences: Sequences, name: str) -> Sequences:
    """Itself, where every number is one. Raises UserError with the place of the first that is not."""
    if not len(sequences) or not sequences.width:
        raise UserError("{name} holds no sequence.", "", "Choose another file.", name=name)
    for number, item in enumerate(sequences.x):
        if not np.isfinite(item).all():
            step = int(np.flatnonzero(~np.isfinite(item).all(axis=1))[0])
            raise UserError(
                "{name} holds values that are no numbers.",
                "The first is in sequence {number}, step {step}.",
                "Fill the gaps or leave these sequences out.",
                name=name,
                number=number + 1,
                step=step + 1,
            )
    if sequences.y is not None:
        if len(sequences.y) != len(sequences):
            raise UserError(
                "{name} has {targets} targets for {count} sequences.",
                "",
                "Give each sequence one target.",
                name=name,
                targets=len(sequences.y),
                count=len(sequences),
            )
        if not np.isfinite(sequences.y).all():
            raise UserError(
                "{name} holds values that are no numbers.",
                "The target of sequence {number} is one.",
                "Fill the gaps or leave these sequences out.",
                name=name,
                number=int(np.flatnonzero(~np.isfinite(sequences.y))[0]) + 1,
            )
    return sequences


def batched(sequences: Sequences, chosen: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """(x [batch, time, width] padded with zeros, lengths [batch] or None where all are as long as the longest)."""
    parts = [sequences.x[int(i)] for i in chosen]
    lengths = np.array([len(part) for part in parts])
    if (lengths == lengths[0]).all():
        return np.stack(parts), None
    x = np.zeros((len(parts), lengths.max(), parts[0].shape[1]), np.float32)
    for row, part in zip(x, parts, strict=True):
        row[: len(part)] = part
    return x, lengths


def _from_arrays(path: Path, window: int, kind: str) -> Sequences:
    arrays: dict[str, Any] = {"x": files.read_npy(path)} if kind == "npy" else dict(files.read_npz(path))
    arrays = {
        name if name.lower() not in USED_ARRAYS else name.lower(): array for name, array in arrays.items()
    }
    x = arrays.get("x")
    if x is None:
        raise UserError(
            "{name} lacks the array x.",
            "It has {found}.",
            "Save the sequences as x, [n, time, width].",
            name=files.shown(path.name),
            found=files.shortened(", ".join(arrays)) or "none",
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
            name=files.shown(path.name),
        )
    with np.errstate(over="ignore", invalid="ignore"):
        values = x.astype(np.float32) * np.float32(scale.reshape(-1)[0])
    result = from_array(values, y, arrays.get("lengths"), path.name, window)
    named = next((arrays[name] for name in GROUP_NAMES if name in arrays), None)
    groups = group_names(path, named, len(result))
    unused = sorted(set(arrays) - set(USED_ARRAYS))
    remarks = [Remark("Arrays that were not used: {names}.", names=files.shortened(", ".join(unused)))]
    return Sequences(
        result.x,
        result.y,
        groups,
        result.in_time,
        title=path.stem,
        target_title=files.shortened(arrays.get("target_title", result.target_title), 80),
        remarks=tuple(remarks if unused else []),
    )


def _from_table(path: Path, window: int) -> Sequences:
    columns = read_columns(path)
    target, sequence, group, time = (
        columns.named(names) for names in (TARGET_NAMES, SEQUENCE_NAMES, GROUP_NAMES, TIME_NAMES)
    )
    special = {target, sequence, group} | {c for c in columns.values if c.lower() in TIME_NAMES}
    features = [name for name in columns.values if name not in special]
    if not features:
        raise UserError(
            "{name} has no column of features.", "", "Add one column a feature.", name=files.shown(path.name)
        )
    table = np.stack([columns.numbers(name) for name in features], axis=1)
    if not len(table):
        raise UserError("{name} holds no sequence.", "", "Choose another file.", name=files.shown(path.name))
    targets = None if target is None else columns.numbers(target)
    about: dict[str, Any] = {"names": tuple(features), "title": path.stem}
    if sequence is None:
        order = in_time(columns, time, [list(range(len(table)))])[0]
        table = table[order]
        if targets is None:
            result = windows(table, window, path.name)
            target = "next value"
        else:
            result = judged_windows(table, targets[order], window, path.name)
        about["remarks"] = tuple(columns.remarks)
        return Sequences(result.x, result.y, in_time=True, target_title=str(target), **about)
    places: dict[str, list[int]] = {}
    for row, name in enumerate(columns.texts(sequence)):
        if not name.strip():
            raise UserError(
                "{name} names no sequence in row {row}.",
                "Rows without a name would be taken for one sequence.",
                "Fill the column {column}, or take the row out.",
                name=files.shown(path.name),
                row=row + 2,
                column=sequence,
            )
        places.setdefault(name, []).append(row)
    each = in_time(columns, time, list(places.values()))
    groups = columns.texts(group) if group is not None else None
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
        target_title=str(target or ""),
        remarks=tuple(columns.remarks),
        **about,
    )
