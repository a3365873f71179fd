"""What fusion hashing learns from: embeddings of pictures and texts with labels, read from files or extracted once."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models import file_names, files
from models.arrays import read_npz
from models.checkpoint import load_weights
from models.datafiles import ContentHashes
from models.errors import UserError, shortened
from models.progress import Progress
from models.search import unpickle
from models.search.data import Captions, Item
from models.search.encoder import DualEncoder
from models.search.reading import decoded

SUFFIXES = {".pkl", ".npz", ".safetensors"}
_PARTS = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "query": "query",
    "test": "query",
    "retrieval": "retrieval",
    "database": "retrieval",
}
_FIELDS = {
    "image": "image",
    "images": "image",
    "img": "image",
    "text": "text",
    "texts": "text",
    "txt": "text",
    "label": "label",
    "labels": "label",
}
TEXTS_AT_ONCE = 128


@dataclass(frozen=True)
class Pairs:
    """One part of a data set.

    images: float32 [n, dim]. texts: float32 [m, dim], one or more a picture. owners: int64 [m], the picture of each
    text. questions: int64 [n], the text by which each picture is asked for. labels: bool [n, classes], perhaps none.
    paths, asked: the files of the pictures and the words of the questions, where they are known.
    """

    images: np.ndarray
    texts: np.ndarray
    owners: np.ndarray
    questions: np.ndarray
    labels: np.ndarray
    paths: tuple[Path, ...] = ()
    asked: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    def chosen(self, numbers: np.ndarray) -> Pairs:
        """Some of the pictures, with their texts."""
        place = np.full(len(self), -1)
        place[numbers] = np.arange(len(numbers))
        kept = np.flatnonzero(place[self.owners] >= 0)
        moved = np.full(len(self.texts), -1)
        moved[kept] = np.arange(len(kept))
        return Pairs(
            self.images[numbers],
            self.texts[kept],
            place[self.owners[kept]],
            moved[self.questions[numbers]],
            self.labels[numbers],
            tuple(self.paths[n] for n in numbers) if self.paths else (),
            tuple(self.asked[n] for n in numbers) if self.asked else (),
        )


@dataclass(frozen=True)
class Features:
    """A data set of embeddings: the parts train, validation, query and retrieval, as far as it has them."""

    name: str
    parts: dict[str, Pairs]
    skipped: tuple[tuple[str, str], ...] = ()


def is_features(path: Path) -> bool:
    """Whether `path` is a file of features, or a folder of them by part."""
    return path.suffix.lower() in SUFFIXES or bool(_files(path))


def read_features(path: Path) -> Features:
    """Embeddings that others extracted: `.pkl` (read without running code), `.npz`, `.safetensors`.

    A folder with a file a part (train, query, retrieval), or one file: with the parts as names (``train``/``image``,
    ``train_image``), or of one part alone. Raises UserError for what is wrong with it.
    """
    if path.is_dir():
        held = {part: _fields(_read(file), file) for part, file in _files(path).items()}
        if not held:
            raise UserError(
                "{name} holds no features.",
                "A folder of features has a file for each part, named train, query or retrieval: {known}.",
                "Choose such a folder, or one file.",
                name=file_names.shown(path.name),
                known=", ".join(SUFFIXES),
            )
    else:
        held = _by_part(_read(path), path)
    classes = _classes([fields.get("label") for fields in held.values()])
    parts = {part: _pairs(fields, path, part, classes) for part, fields in held.items()}
    dims = {pairs.images.shape[1] for pairs in parts.values()} | {p.texts.shape[1] for p in parts.values()}
    if len(dims) > 1:
        raise UserError(
            "The embeddings of {name} have different lengths.",
            "Found {dims}.",
            "Pictures and texts of all parts must come from one encoder.",
            name=path.name,
            dims=", ".join(map(str, sorted(dims))),
        )
    return Features(path.stem if path.is_file() else path.name, parts)


def extract(captions: Captions, encoder: DualEncoder, cache: FeatureCache, progress: Progress) -> Features:
    """The embeddings of pictures and captions by an encoder; what the cache has by content is not computed again."""
    labels = captions.labels
    items = list(captions.items)
    hashes = ContentHashes(cache.folder / "pictures.json")
    keys = [encoder.identity + hashes.of(item.path) for item in items]
    hashes.save()
    result, problems = _picture_features(items, keys, encoder, cache, progress.part(0, 0.7))
    kept = [number for number in range(len(items)) if number in result]
    if not kept:
        raise UserError(
            "None of the pictures of {name} can be read.",
            "{reason}",
            "Choose another data set.",
            name=captions.name,
            reason=problems[0][1] if problems else "",
        )
    sentences = [text for number in kept for text in items[number].sentences]
    texts = _text_features(sentences, encoder, cache, progress.part(0.7, 1))
    counts = [len(items[number].sentences) for number in kept]
    starts = np.cumsum([0, *counts[:-1]])
    asked = [items[number].sentences.index(items[number].question) for number in kept]
    whole = Pairs(
        images=np.stack([result[number] for number in kept]),
        texts=texts,
        owners=np.repeat(np.arange(len(kept)), counts),
        questions=starts + np.array(asked),
        labels=np.array([[label in items[n].labels for label in labels] for n in kept], bool).reshape(
            len(kept), len(labels)
        ),
        paths=tuple(items[number].path for number in kept),
        asked=tuple(items[number].question for number in kept),
    )
    names = np.array([items[number].part or "train" for number in kept])
    parts = {
        ours: whole.chosen(np.flatnonzero(names == theirs))
        for ours, theirs in (("train", "train"), ("validation", "validation"), ("query", "test"))
        if (names == theirs).any()
    }
    return Features(captions.name, parts, captions.skipped + tuple(problems))


class FeatureCache:
    """Embeddings by what they are of: (encoder, content). A SQLite file, so that a killed extraction goes on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._base = sqlite3.connect(folder / "features.sqlite", timeout=30)
        self._base.execute("CREATE TABLE IF NOT EXISTS features (key TEXT PRIMARY KEY, vector BLOB NOT NULL)")

    def get(self, keys: Sequence[str]) -> dict[str, np.ndarray]:
        """float32 [dim] of the keys that are known."""
        known: dict[str, np.ndarray] = {}
        for start in range(0, len(keys), 500):
            some = list(keys[start : start + 500])
            marks = ",".join("?" * len(some))
            for key, vector in self._base.execute(
                f"SELECT key, vector FROM features WHERE key IN ({marks})", some
            ):
                known[key] = np.frombuffer(vector, np.float32)
        return known

    def put(self, keys: Sequence[str], vectors: np.ndarray) -> None:
        """Keep vectors, float [n, dim], under their keys; what was kept under a key is replaced. On the disk when it returns."""
        rows = [(key, vector.astype(np.float32).tobytes()) for key, vector in zip(keys, vectors, strict=True)]
        with self._base:
            self._base.executemany("INSERT OR REPLACE INTO features VALUES (?, ?)", rows)

    def close(self) -> None:
        """Close the file; nothing can be asked or kept from now on."""
        self._base.close()


def _picture_features(
    items: list[Item], keys: list[str], encoder: DualEncoder, cache: FeatureCache, progress: Progress
) -> tuple[dict[int, np.ndarray], list[tuple[str, str]]]:
    known = cache.get(keys)
    result = {number: known[key] for number, key in enumerate(keys) if key in known}
    missing = [number for number in range(len(items)) if number not in result]
    problems: list[tuple[str, str]] = []
    for batch in decoded([items[number].path for number in missing], encoder.view):
        numbers = [missing[i] for i in batch.numbers]
        if numbers:
            vectors = encoder.pixels(batch.pixels)
            cache.put([keys[number] for number in numbers], vectors)
            result |= dict(zip(numbers, vectors, strict=True))
        problems += [(str(items[missing[i]].path), " ".join(words)) for i, words in batch.problems]
        progress.update(len(result) + len(problems), len(items), "Looking at pictures")
    return result, problems


def _text_features(
    texts: list[str], encoder: DualEncoder, cache: FeatureCache, progress: Progress
) -> np.ndarray:
    keys = [encoder.identity + hashlib.sha256(text.encode()).hexdigest() for text in texts]
    known = cache.get(keys)
    missing = list({key: text for key, text in zip(keys, texts, strict=True) if key not in known}.items())
    for start in range(0, len(missing), TEXTS_AT_ONCE):
        some = missing[start : start + TEXTS_AT_ONCE]
        vectors = encoder.texts([text for _, text in some])
        cache.put([key for key, _ in some], vectors)
        known |= {key: vector for (key, _), vector in zip(some, vectors, strict=True)}
        progress.update(start + len(some), len(missing), "Reading captions")
    return np.stack([known[key] for key in keys])


# Files of others


def _files(folder: Path) -> dict[str, Path]:
    """part → file of a folder that has one a part, such as ``mirflickr_train.pkl``."""
    if not folder.is_dir():
        return {}
    result: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES:
            for word, part in _PARTS.items():
                if word in path.stem.lower().replace("-", "_").split("_"):
                    result.setdefault(part, path)
    return result if "train" in result or "query" in result else {}


def _read(path: Path) -> dict[str, Any]:
    """The names and values of a file, by what its first bytes say that it is, and by its ending where they do not."""
    kind, suffix = files.sniff(path), path.suffix.lower()
    if kind == "zip" and suffix not in (".pt", ".pth"):
        values: Any = read_npz(path)
    elif suffix == ".safetensors":
        values = {name: _as_array(tensor) for name, tensor in load_weights(path).items()}
    elif suffix in (".pkl", ".pickle"):
        values = unpickle.read(path)
    else:
        raise UserError(
            "{name} cannot be imported.",
            "Features come as {known}; weights of networks are used as they are, with --checkpoint.",
            "Choose such a file, or a folder with one for each part.",
            name=file_names.shown(path.name),
            known=", ".join(sorted(SUFFIXES)),
        )
    if not isinstance(values, dict) or not values:
        raise _not_features(path, "it holds no names with arrays")
    return {str(key): value for key, value in values.items()}


def _as_array(tensor: Any) -> np.ndarray:
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def _by_part(values: dict[str, Any], path: Path) -> dict[str, dict[str, Any]]:
    if any(key.lower() in _FIELDS for key in values):
        return {"train": _fields(values, path)}
    held: dict[str, dict[str, Any]] = {}
    for key, value in values.items():
        part, _, field = key.lower().replace("/", "_").replace(".", "_").partition("_")
        if part in _PARTS and isinstance(value, dict):
            held[_PARTS[part]] = _fields(value, path)
        elif part in _PARTS and field in _FIELDS:
            held.setdefault(_PARTS[part], {})[_FIELDS[field]] = value
    if not held:
        raise _not_features(path, f"its names are {', '.join(list(values)[:8])}")
    return held


def _fields(values: dict[str, Any], path: Path) -> dict[str, Any]:
    result = {
        _FIELDS[str(key).lower()]: value for key, value in values.items() if str(key).lower() in _FIELDS
    }
    if not {"image", "text"} <= set(result):
        raise _not_features(
            path, f"it should hold image, text and label, and holds {', '.join(map(str, values))}"
        )
    return result


def _classes(labels: list[Any]) -> np.ndarray | None:
    """The class numbers of all parts, in order: a class is the same column in each of them; None where none are given."""
    try:
        numbers = [
            np.asarray(label) for label in labels if label is not None and np.ndim(label) == 1 and len(label)
        ]
        return np.unique(np.concatenate(numbers)) if numbers else None
    except (ValueError, TypeError):
        return None


def _pairs(fields: dict[str, Any], path: Path, part: str, classes: np.ndarray | None) -> Pairs:
    try:
        images, texts = (np.asarray(fields[name], dtype=np.float32) for name in ("image", "text"))
        label = fields.get("label")
        labels = np.zeros((len(images), 0), bool) if label is None else np.asarray(label)
        if labels.ndim == 1 and len(labels) and classes is not None:  # class numbers
            labels = labels[:, None] == classes[None]
        labels = labels.astype(bool)
    except (KeyError, ValueError, TypeError, MemoryError, OverflowError) as error:
        raise _not_features(path, f"the part {part} is no array of numbers") from error
    if images.ndim != 2 or texts.ndim != 2 or not len(images) == len(texts) == len(labels):
        raise _not_features(
            path,
            f"in {part}, image is {images.shape}, text {texts.shape} and label {labels.shape}: one row a pair was expected",
        )
    if not (np.isfinite(images).all() and np.isfinite(texts).all()):
        raise _not_features(path, f"in {part}, some numbers are not finite")
    rows = np.arange(len(images))
    return Pairs(images, texts, rows, rows, labels)


def _not_features(path: str | os.PathLike[str], reason: str) -> UserError:
    return UserError(
        "{name} cannot be used as features.",
        "{reason}.",
        "A file holds image [n, dim], text [n, dim] and label [n, classes], for train, query and retrieval.",
        name=file_names.shown(Path(path).name),
        reason=shortened(reason[:1].upper() + reason[1:]),
    )
