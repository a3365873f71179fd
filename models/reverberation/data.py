"""Sequences with targets: read from arrays and tables, checked, parted."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from models.datafiles import read_table, write_whole
from models.errors import UserError
from models.resources import resource

SUFFIXES = (".npz", ".npy", ".csv", ".parquet")
TARGET_NAMES = ("target", "y")
SEQUENCE_NAMES = ("sequence", "sequence_id", "id")
GROUP_NAMES = ("group", "speaker", "subject")


@dataclass(frozen=True)
class Sequences:
    """x: float32 [time, width] a sequence. y: float32 [n] or None. groups: a name a sequence, or none at all.

    in_time: whether they are windows of one series, and so parted in time. names: of the features, or none.
    """

    x: tuple[np.ndarray, ...]
    y: np.ndarray | None = None
    groups: tuple[str, ...] = ()
    in_time: bool = False
    names: tuple[str, ...] = ()
    title: str = ""
    target_title: str = ""
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.x)

    @property
    def width(self) -> int:
        return int(self.x[0].shape[1])

    @property
    def longest(self) -> int:
        return max(len(one) for one in self.x)

    def part(self, chosen: Sequence[int] | np.ndarray) -> Sequences:
        """Those sequences, in that order."""
        index = [int(i) for i in chosen]
        return Sequences(
            tuple(self.x[i] for i in index),
            None if self.y is None else self.y[index],
            tuple(self.groups[i] for i in index) if self.groups else (),
            self.in_time, self.names, self.title, self.target_title, self.notes,
        )  # fmt: skip


def sample() -> Path:
    """The sequences that ship: log-mel frames of speech, whose level was taken out, with that level as target."""
    return resource("samples", "reverberation", "speech.npz")


def open_sequences(choice: str | Path, window: int = 32) -> Sequences:
    """Read a file; ``sample`` is the one that ships. `window` cuts a single series. Raises UserError."""
    path = sample() if str(choice) == "sample" else Path(choice)
    if not path.exists():
        raise UserError(
            "{name} was not found.", "It may have been moved or deleted.", "Choose it again.", name=path.name
        )
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(
            "{name} is not a table of sequences.", "Known are {suffixes}.", "Choose such a file.",
            name=path.name, suffixes=", ".join(SUFFIXES),
        )  # fmt: skip
    if suffix in (".npz", ".npy"):
        found = _from_arrays(path, window)
    else:
        found = _from_table(path, window)
    return checked(found, path.name)


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
        return checked(windows(np.asarray(x, np.float32), window, title), title)
    if x.ndim != 3:
        raise UserError(
            "{name} has {count} dimensions.", "Sequences are [n, time, width], one series is [time, width].",
            "Bring the array into that shape.", name=title or "x", count=x.ndim,
        )  # fmt: skip
    counts = [x.shape[1]] * len(x) if lengths is None else [int(count) for count in lengths]
    if len(counts) != len(x) or any(not 0 < count <= x.shape[1] for count in counts):
        raise UserError(
            "The lengths do not fit the sequences.", "Each lies between 1 and {longest}.", "Correct the lengths.",
            longest=x.shape[1],
        )  # fmt: skip
    parts = tuple(np.asarray(one[:count], np.float32) for one, count in zip(x, counts, strict=True))
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
            "{name} has only {count} steps.", "A window of {window} and the value after it are needed.",
            "Choose a shorter window, or a longer series.", name=title or "The series", count=len(series), window=window,
        )  # fmt: skip
    count = len(series) - window
    parts = tuple(series[start : start + window] for start in range(count))
    return Sequences(parts, series[window:, 0].copy(), in_time=True, title=title, target_title="next value")


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
    if not len(sequences):
        raise UserError("{name} holds no sequence.", "", "Choose another file.", name=name)
    for number, one in enumerate(sequences.x):
        if not np.isfinite(one).all():
            step = int(np.flatnonzero(~np.isfinite(one).all(axis=1))[0])
            raise UserError(
                "{name} holds values that are no numbers.", "The first is in sequence {number}, step {step}.",
                "Fill the gaps or leave these sequences out.", name=name, number=number + 1, step=step + 1,
            )  # fmt: skip
    if sequences.y is not None:
        if len(sequences.y) != len(sequences):
            raise UserError(
                "{name} has {targets} targets for {count} sequences.", "", "Give each sequence one target.",
                name=name, targets=len(sequences.y), count=len(sequences),
            )  # fmt: skip
        if not np.isfinite(sequences.y).all():
            raise UserError(
                "{name} holds values that are no numbers.", "The target of sequence {number} is one.",
                "Fill the gaps or leave these sequences out.", name=name,
                number=int(np.flatnonzero(~np.isfinite(sequences.y))[0]) + 1,
            )  # fmt: skip
    return sequences


def batched(sequences: Sequences, chosen: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """(x [batch, time, width] padded with zeros, lengths [batch] or None where all are as long as the longest)."""
    parts = [sequences.x[int(i)] for i in chosen]
    lengths = np.array([len(one) for one in parts])
    if (lengths == lengths[0]).all():
        return np.stack(parts), None
    x = np.zeros((len(parts), lengths.max(), parts[0].shape[1]), np.float32)
    for row, one in zip(x, parts, strict=True):
        row[: len(one)] = one
    return x, lengths


def _from_arrays(path: Path, window: int) -> Sequences:
    try:
        loaded: Any = np.load(path, allow_pickle=False)
        arrays = (
            {"x": loaded} if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
        )
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise UserError(
            "{name} cannot be read.", "It is damaged, or holds something other than plain numbers.",
            "Save it again with numpy.savez(path, x=…, y=…).", name=path.name,
        ) from error  # fmt: skip
    x = arrays.get("x")
    if x is None:
        raise UserError(
            "{name} lacks the array x.", "It has {found}.", "Save the sequences as x, [n, time, width].",
            name=path.name, found=", ".join(arrays) or "none",
        )  # fmt: skip
    if not np.issubdtype(x.dtype, np.number) or np.iscomplexobj(x):
        raise UserError("{name} does not hold numbers.", "x is of the kind {kind}.", "Save numbers as x.",
                        name=path.name, kind=str(x.dtype))  # fmt: skip
    scale = arrays.get("x_scale")  # samples that ship are kept as small whole numbers
    values = x.astype(np.float32) * np.float32(1 if scale is None else float(scale))
    found = from_array(values, arrays.get("y"), arrays.get("lengths"), path.name, window)
    groups = arrays.get("group", arrays.get("groups"))
    return Sequences(
        found.x, found.y, tuple(str(one) for one in groups) if groups is not None else (), found.in_time,
        title=path.stem, target_title=str(arrays.get("target_title", found.target_title)),
    )  # fmt: skip


def _from_table(path: Path, window: int) -> Sequences:
    columns = _columns(path)
    kinds = {name: next((c for c in columns if c.lower() in names), None)
             for name, names in (("target", TARGET_NAMES), ("sequence", SEQUENCE_NAMES), ("group", GROUP_NAMES))}  # fmt: skip
    special = {name for name in kinds.values() if name is not None} | {
        c for c in columns if c.lower() in ("time", "step")
    }
    features = [name for name in columns if name not in special]
    if not features:
        raise UserError("{name} has no column of features.", "", "Add one column a feature.", name=path.name)
    table = np.stack([_numbers(path, name, columns[name]) for name in features], axis=1)
    targets = None if kinds["target"] is None else _numbers(path, kinds["target"], columns[kinds["target"]])
    if kinds["sequence"] is None:
        if targets is None:
            found = windows(table, window, path.name)
            return Sequences(
                found.x,
                found.y,
                in_time=True,
                names=tuple(features),
                title=path.stem,
                target_title="next value",
            )
        parts = tuple(table[start : start + window] for start in range(len(table) - window + 1))
        if not parts:
            windows(table, window, path.name)  # says so
        return Sequences(parts, targets[window - 1 :], in_time=True, names=tuple(features), title=path.stem,
                         target_title=str(kinds["target"]))  # fmt: skip
    ids = [str(value) for value in columns[kinds["sequence"]]]
    places: dict[str, list[int]] = {}
    for row, name in enumerate(ids):
        places.setdefault(name, []).append(row)
    groups = columns[kinds["group"]] if kinds["group"] is not None else None
    return Sequences(
        tuple(table[rows] for rows in places.values()),
        None if targets is None else np.array([targets[rows[-1]] for rows in places.values()], np.float32),
        tuple(str(groups[rows[0]]) for rows in places.values()) if groups is not None else (),
        names=tuple(features), title=path.stem, target_title=str(kinds["target"] or ""),
    )  # fmt: skip


def _columns(path: Path) -> dict[str, Any]:
    if path.suffix.lower() == ".csv":
        table = read_table(path)
        return {name: [row[name] for row in table.rows] for name in table.columns}
    import pyarrow
    import pyarrow.parquet

    try:
        read = pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise UserError(
            "{name} cannot be read.",
            "It is damaged, or not a Parquet file.",
            "Save it again.",
            name=path.name,
        ) from error
    return {name: read.column(name).to_pylist() for name in read.column_names}


def _numbers(path: Path, name: str, values: Any) -> np.ndarray:
    numbers = np.empty(len(values), np.float32)
    for row, value in enumerate(values):
        try:
            numbers[row] = float(value)
        except (TypeError, ValueError):
            raise UserError(
                "{name} holds text where numbers are needed.", "Column {column}, row {row}: {value}.",
                "Correct it, or take the column out.",
                name=path.name, column=name, row=row + 2, value=str(value)[:40] or "(empty)",
            ) from None  # fmt: skip
    return numbers
