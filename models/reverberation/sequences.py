"""Sequences with targets: made of arrays, cut into windows, checked, split into parts, put together in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from models.errors import UserError
from models.remarks import Remark
from models.reverberation.tabular import (
    whole_numbers,
)


class WrongWidth(UserError):
    """The sequences have other features than the model: they can be projected."""


@dataclass(frozen=True)
class Sequences:
    """x: float32 [time, width] a sequence. y: float32 [n] or None. groups: a name a sequence, or none at all.

    in_time: whether they are windows of one series, and so split in time. names: of the features, or none.
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


def windows(series: np.ndarray, window: int, title: str = "") -> Sequences:
    """A series [time, width] as windows, each with the first feature's next value as target."""
    if len(series) <= window:
        raise UserError(
            "{name} has only {count} steps.",
            "A window of {window} and the value after it are needed.",
            "Choose a shorter window, or a longer series.",
            name=title or Remark("The series"),
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
