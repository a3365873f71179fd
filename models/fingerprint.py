"""By what two sets of data, two recipes or two runs are known to be the same: their content, never their names.

*Item hashes.* An item (a file, a stretch of one, a row of a table, a second of a recording) is named by 12 hexadecimal
digits of its content: `of_file`, `of_span`, `of_array`. The same file under another name has the same hash. Two
different ones among a million have the same with a chance of 1 in 560 (48 bits).

*Used.* What a part of a run's data (``train``, ``validation``, ``test``) was: its items' hashes and its groups (speakers,
subjects). A training task says it by parts (`Task.contents`); the trainer keeps it.

*In a checkpoint*, ``info.training`` holds, and `Learned.of` reads:

    "fingerprint": {"all": …, "data": …, "split": …, "groups": …, "recipe": …, "code": …}      # `Fingerprint.plain()`
    "items":       {"train": "BASE64", "validation": "BASE64", …}                              # 6 bytes an item, sorted
    "groups":      {"train": ["anna", …], …}
    "before":      [{"epoch": …, "step": …, "config": …, "items": …, "groups": …}, …]          # of what it began with

*Held-out data is found by content*:

    learned = Learned.of(info.training)                  # None of a checkpoint that tells nothing of its data
    seen = learned.seen(Used(items, groups))             # `Seen`: which items, which groups took part in training
    seen.items                                           # bool [items]; seen.groups: names; seen.anything

*A result is reused only for the same work*: `Fingerprint.of(recipe, parts)` made again and compared with the kept one
(``==`` of its `plain` values), for folds, features and whole runs.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import UserError

DIGITS = 12  # hexadecimal, of an item's hash
SAMPLED = 16_384  # bytes of each of the
SAMPLES = 4  # places of a larger file that are read
LEG = ("epoch", "step", "config", "items", "groups")  # what is kept of a training that another one began with
PARTS = ("train", "validation", "test")
# Settings that change how fast or where a run is computed, what is said about it, or where its data lies (which goes by
# content), and not what comes of it.
INCIDENTAL = frozenset({"notes", "workers", "diagnose_every", "out_of_memory", "compile", "path"})


def of_file(path: str | os.PathLike[str]) -> str:
    """The hash of a file: of its size, and of its content at four places if it is larger than 64 kB.

    Raises UserError where it cannot be read.
    """
    result = hashlib.blake2b(digest_size=DIGITS // 2)
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            result.update(size.to_bytes(8, "little"))
            for number in range(SAMPLES):
                larger = size > SAMPLES * SAMPLED
                file.seek((size - SAMPLED) * number // (SAMPLES - 1) if larger else number * SAMPLED)
                result.update(file.read(SAMPLED))
    except OSError as error:
        raise UserError(
            "{path} cannot be read.",
            "{reason}.",
            "Check the file, or leave it out.",
            path=path,
            reason=error.strerror or str(error),
        ) from error
    return result.hexdigest()


def of_span(file: str, start_s: float = 0.0, end_s: float | None = None) -> str:
    """The hash of a stretch of a file whose own hash is known; of the whole file, that hash."""
    if not start_s and end_s is None:
        return file
    return digest([file, round(start_s, 3), None if end_s is None else round(end_s, 3)])


def of_array(values: np.ndarray) -> str:
    """The hash of a row or sequence of numbers; the same in any memory order."""
    kept = np.ascontiguousarray(values)
    result = hashlib.blake2b(f"{kept.dtype.str}{kept.shape}".encode(), digest_size=DIGITS // 2)
    result.update(kept.tobytes())
    return result.hexdigest()


def digest(values: Any) -> str:
    """The hash of plain values (JSON), whatever the order of their names."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=DIGITS // 2).hexdigest()


@dataclass(frozen=True)
class Used:
    """One part of the data. items: hashes, one an item, in its order. groups: the names of speakers, subjects …"""

    items: Sequence[str] = ()
    groups: Sequence[str] = ()


@dataclass(frozen=True)
class Fingerprint:
    """Hashes of what a result depends on. data: the items of all parts; split: which part each is in; groups: by part;
    recipe: the settings that matter; code: the version of Polyphony."""

    data: str
    split: str
    groups: str
    recipe: str
    code: str

    @classmethod
    def of(cls, recipe: Mapping[str, Any], parts: Mapping[str, Used]) -> Fingerprint:
        """recipe: plain settings, as of a training config; those that change nothing (`INCIDENTAL`) are left out."""
        return cls(
            data=digest(sorted({item for used in parts.values() for item in used.items})),
            split=digest({name: sorted(used.items) for name, used in parts.items()}),
            groups=digest({name: sorted(set(used.groups)) for name, used in parts.items()}),
            recipe=digest(_what_matters(recipe)),
            code=version(),
        )

    @property
    def all(self) -> str:
        """One hash of all of them."""
        return digest(asdict(self))

    def plain(self) -> dict[str, str]:
        """The hashes as plain values, the one of all of them first, as they are written to JSON."""
        return {"all": self.all, **asdict(self)}

    def differs(self, kept: object) -> list[str]:
        """What differs from another's `plain` values: of ``data``, ``split``, ``groups``, ``recipe``, ``code``."""
        other = kept if isinstance(kept, dict) else {}
        return [name for name, value in asdict(self).items() if other.get(name) != value]


def _what_matters(recipe: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _what_matters(value) if isinstance(value, Mapping) else value
        for name, value in recipe.items()
        if name not in INCIDENTAL
    }


def version() -> str:
    """The version of Polyphony that computes."""
    try:
        return metadata.version("polyphony")
    except metadata.PackageNotFoundError:
        return ""


def recorded(
    recipe: Mapping[str, Any], parts: Mapping[str, Used], before: Sequence[Mapping[str, object]] = ()
) -> dict[str, Any]:
    """The fields ``fingerprint``, ``items`` and ``groups`` of a checkpoint's ``training``.

    before: the ``training`` of the checkpoints that it began with; with any, there is ``before``, too.
    """
    result = {
        "fingerprint": Fingerprint.of(recipe, parts).plain(),
        "items": {name: packed(used.items) for name, used in parts.items() if used.items},
        "groups": {name: sorted(set(used.groups)) for name, used in parts.items() if used.groups},
    }
    earlier = [leg for training in before for leg in legs(training)]
    return {**result, "before": earlier} if earlier else result


def legs(training: Mapping[str, object]) -> list[dict[str, Any]]:
    """The trainings that a checkpoint has gone through, the first one first, each with ``epoch``, ``step``, ``config``,
    ``items`` and ``groups`` as far as it is known."""
    before = training.get("before")
    earlier = [dict(leg) for leg in before if isinstance(leg, dict)] if isinstance(before, list) else []
    return [*earlier, {name: training[name] for name in LEG if name in training}]


@dataclass(frozen=True)
class Seen:
    """What of some data a model has met in training. items: bool [items]. groups: names, sorted."""

    items: np.ndarray
    groups: tuple[str, ...]

    @property
    def anything(self) -> bool:
        return bool(self.items.any()) or bool(self.groups)


@dataclass(frozen=True)
class Learned:
    """What a model was trained on and chosen by, as its checkpoint tells it: hashes and groups by part."""

    items: dict[str, frozenset[str]] = field(default_factory=dict)
    groups: dict[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, training: Mapping[str, object]) -> Learned | None:
        """From ``CheckpointInfo.training``, with all that it began with; None where one of them says nothing, or nothing
        that can be read."""
        result = cls()
        for leg in legs(training):
            learned = cls._of_one(leg)
            if learned is None:
                return None
            result = cls(_united(result.items, learned.items), _united(result.groups, learned.groups))
        return result

    @classmethod
    def _of_one(cls, training: Mapping[str, object]) -> Learned | None:
        items, groups = training.get("items"), training.get("groups")
        if not isinstance(items, dict) and not isinstance(groups, dict):
            return None
        by_part: dict[str, frozenset[str]] = {}
        for name, text in (items if isinstance(items, dict) else {}).items():
            result = unpacked(text)
            if result is None:
                return None
            by_part[str(name)] = frozenset(result)
        named = groups if isinstance(groups, dict) else {}
        return cls(by_part, {str(k): frozenset(map(str, v)) for k, v in named.items() if isinstance(v, list)})

    def seen(self, used: Used, parts: Sequence[str] = ("train", "validation")) -> Seen:
        """Which of these items and groups were in those parts. Validation counts: by it the weights were chosen."""
        known: set[str] = set().union(*(self.items.get(name, frozenset()) for name in parts))
        met: set[str] = set().union(*(self.groups.get(name, frozenset()) for name in parts))
        return Seen(
            np.array([item in known for item in used.items], dtype=bool),
            tuple(sorted(met & set(used.groups))),
        )


def _united(
    first: Mapping[str, frozenset[str]], second: Mapping[str, frozenset[str]]
) -> dict[str, frozenset[str]]:
    return {name: first.get(name, frozenset()) | second.get(name, frozenset()) for name in {*first, *second}}


def packed(items: Iterable[str]) -> str:
    """Hashes as one text, 8 characters each, sorted, each once."""
    return base64.b64encode(b"".join(bytes.fromhex(item) for item in sorted(set(items)))).decode()


def unpacked(text: object) -> list[str] | None:
    """What `packed` was given; None for what it never wrote."""
    size = DIGITS // 2
    if not isinstance(text, str):
        return None
    try:
        whole = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        return None
    return [whole[i : i + size].hex() for i in range(0, len(whole), size)] if len(whole) % size == 0 else None


class FileHashes:
    """`of_file`, each file read once."""

    def __init__(self) -> None:
        self._known: dict[Path, str] = {}

    def __call__(self, path: Path) -> str:
        if path not in self._known:
            self._known[path] = of_file(path)
        return self._known[path]
