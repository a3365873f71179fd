"""Pictures with captions, as people keep them: a CSV, JSON lines, COCO captions JSON, a ``.txt`` beside each picture."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models import documents, file_names, files
from models.datafiles import read_table
from models.errors import UserError, shortened
from models.search import pictures

PARTS = ("train", "validation", "test")
SEPARATOR = "||"  # between several captions in one cell
LARGEST_JSON = 512 * 2**20  # bytes
_FILE = ("file", "path", "image", "filename", "file_name")
_CAPTION = ("caption", "captions", "text", "title", "description")
_PART_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
_PHRASE_WORDS = 3  # keywords that make up a caption


@dataclass(frozen=True)
class Item:
    """One picture. captions: its sentences or names. keywords: further words that are true of it. part: `PARTS` or ""."""

    path: Path
    captions: tuple[str, ...]
    keywords: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    part: str = ""
    attribution: str = ""

    @property
    def sentences(self) -> tuple[str, ...]:
        """The captions, then the keywords few by few: all that a search might say."""
        named = {caption.casefold() for caption in self.captions}
        words = [word for word in self.keywords if word.casefold() not in named]
        groups = (words[i : i + _PHRASE_WORDS] for i in range(0, len(words), _PHRASE_WORDS))
        return self.captions + tuple(" ".join(group) for group in groups)

    @property
    def question(self) -> str:
        """What is asked for in an evaluation: the picture in other words than its name, where it has some."""
        sentences = self.sentences
        return sentences[min(len(self.captions), len(sentences) - 1)]


@dataclass(frozen=True)
class Captions:
    """A data set. skipped: (what, why) of everything that was left out."""

    name: str
    items: tuple[Item, ...]
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(sorted({label for item in self.items for label in item.labels}))

    def part(self, name: str) -> tuple[Item, ...]:
        """The pictures of one part of the split: ``train``, ``validation``, ``test``, or "" where the data set has no split."""
        return tuple(item for item in self.items if item.part == name)


def open_captions(choice: str | os.PathLike[str]) -> Captions:
    """The pictures with captions at `choice`, a folder or a file. Raises UserError where there are none."""
    path = Path(choice)
    if not path.exists():
        raise UserError(
            "{path} was not found.", "It may have been moved or deleted.", "Choose it again.", path=path
        )
    listing = path if path.is_file() else _listing(path)
    if listing is None:
        rows, folder = list(_beside(path)), path
    else:
        rows, folder = list(_rows(listing)), listing.parent
    items, skipped = _joined(rows, folder)
    if not items:
        raise UserError(
            "{name} has no picture with a caption.",
            "{reason}",
            "Put the pictures beside a CSV with the columns file and caption, or a .txt beside each picture.",
            name=path.name,
            reason=f"{len(skipped)} captions belong to pictures that are not there."
            if skipped
            else "Neither a list of captions nor a .txt beside a picture was found.",
        )
    return Captions(path.stem if path.is_file() else path.name, tuple(items), tuple(skipped))


def is_named_list(name: str) -> bool:
    """Whether a file is by its name a list of captions or of metadata."""
    lower = name.lower()
    return _is_list(name) and ("caption" in lower or lower.startswith("metadata."))


def note_beside(picture: Path) -> tuple[str, ...]:
    """The lines of the ``.txt`` beside a picture."""
    note = next((note for end in (".txt", ".TXT") if _is_there(note := picture.with_suffix(end))), None)
    lines = [_whole(line) for line in _text(note).splitlines()] if note is not None else []
    return tuple(dict.fromkeys(line for line in lines if line))


def with_split(captions: Captions, validation: float, test: float, seed: int) -> Captions:
    """`captions` with a part for every item: as the data says, or drawn by the seed where it says nothing."""
    if any(item.part for item in captions.items):
        items = tuple(item if item.part else _in_part(item, "train") for item in captions.items)
        return Captions(captions.name, items, captions.skipped)
    order = list(range(len(captions.items)))
    random.Random(seed).shuffle(order)
    tests, validations = round(test * len(order)), round(validation * len(order))
    names = dict.fromkeys(order[:tests], "test")
    names |= dict.fromkeys(order[tests : tests + validations], "validation")
    items = tuple(_in_part(item, names.get(i, "train")) for i, item in enumerate(captions.items))
    return Captions(captions.name, items, captions.skipped)


def _in_part(item: Item, part: str) -> Item:
    return Item(item.path, item.captions, item.keywords, item.labels, part, item.attribution)


def _listing(folder: Path) -> Path | None:
    """The file that lists the captions of a folder, or None."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(
            "The folder {path} cannot be read.",
            "{reason}.",
            "Check its permissions.",
            path=folder,
            reason=error.strerror or str(error),
        ) from error
    lists = [entry for entry in entries if _is_list(entry.name)]
    named = [entry for entry in lists if "caption" in entry.name.lower() or entry.stem.lower() == "metadata"]
    return next(iter(named or lists), None)


def _is_list(name: str) -> bool:
    return name.lower().endswith((".csv", ".tsv", ".jsonl", ".ndjson", ".json"))


# One row of any of the four: (file, what it says), a file may come several times


def _rows(listing: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    suffix = listing.suffix.lower()
    if suffix in {".csv", ".tsv"}:
        return _from_table(listing)
    if suffix in {".jsonl", ".ndjson"}:
        return _from_lines(listing)
    if suffix == ".json":
        return _from_coco(listing)
    raise UserError(
        "{name} is not a list of captions.",
        "A .csv, .jsonl or COCO .json was expected.",
        "Choose one of these, or the folder of the pictures.",
        name=listing.name,
    )


def _from_table(listing: Path) -> list[tuple[str, dict[str, Any]]]:
    table = read_table(listing)
    columns = {column.lower() for column in table.columns}
    file_column = next((name for name in _FILE if name in columns), None)
    caption_column = next((name for name in _CAPTION if name in columns), None)
    if file_column is None or caption_column is None:
        raise UserError(
            "{name} lacks a column for {lacking}.",
            "Its columns are {found}.",
            "Call them file and caption in the first line.",
            name=listing.name,
            lacking="the pictures" if file_column is None else "the captions",
            found=", ".join(table.columns),
        )
    return [
        (
            row[file_column],
            {
                "captions": row[caption_column].split(SEPARATOR),
                "keywords": row["keywords"].split("|"),
                "labels": (row["labels"] or row["label"]).split("|"),
                "part": row["part"] or row["split"],
                "attribution": row["attribution"] or row["license"],
            },
        )
        for row in table.rows
    ]


def _from_lines(listing: Path) -> list[tuple[str, dict[str, Any]]]:
    rows = []
    for number, line in enumerate(_text(listing).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            if not isinstance(values, dict) or documents.depth(values) > documents.DEEPEST:
                raise ValueError("a line holds names and values")
        except (ValueError, RecursionError) as error:
            raise _broken(listing, f"line {number}: it is damaged, or no names and values") from error
        file = next((str(values[name]) for name in _FILE if values.get(name)), "")
        caption = next((values[name] for name in _CAPTION if values.get(name)), "")
        rows.append(
            (
                file,
                {
                    "captions": _words(caption, SEPARATOR),
                    "keywords": _words(values.get("keywords"), "|"),
                    "labels": _words(values.get("labels") or values.get("label"), "|"),
                    "part": str(values.get("part") or values.get("split") or ""),
                    "attribution": str(values.get("attribution") or values.get("license") or ""),
                },
            )
        )
    return rows


def _from_coco(listing: Path) -> list[tuple[str, dict[str, Any]]]:
    try:
        values = json.loads(_text(listing))
        names = {image["id"]: str(image["file_name"]) for image in values["images"]}
        return [
            (names.get(note["image_id"], f"image {note['image_id']}"), {"captions": [str(note["caption"])]})
            for note in values["annotations"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _broken(listing, "it is not COCO captions JSON") from error


def _beside(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in pictures.find(folder)[0]:
        note = path.with_suffix(".txt")
        if _is_there(note):
            lines = _text(note).splitlines()
            yield str(path.relative_to(folder)), {"captions": lines}


def _joined(
    rows: Iterable[tuple[str, dict[str, Any]]], folder: Path
) -> tuple[list[Item], list[tuple[str, str]]]:
    """Items in the order of their first row, the captions of a file's rows together."""
    held: dict[str, dict[str, Any]] = {}
    for file, values in rows:
        entry = held.setdefault(file, {"captions": [], "keywords": [], "labels": []})
        for name in ("captions", "keywords", "labels"):
            cleaned = (_whole(text) for text in values.get(name, []))
            entry[name] += [text for text in cleaned if text and text not in entry[name]]
        entry["part"] = values.get("part") or entry.get("part", "")
        entry["attribution"] = values.get("attribution") or entry.get("attribution", "")
    items, skipped = [], []
    for file, entry in held.items():
        path = _place(folder, file)
        if path is None:
            skipped.append((shortened(_whole(file), 300), "the picture is not there"))
        elif not entry["captions"]:
            skipped.append((shortened(_whole(file), 300), "it has no caption"))
        else:
            part = _PART_NAMES.get(entry["part"].strip().lower(), "")
            texts = [tuple(entry[name]) for name in ("captions", "keywords", "labels")]
            items.append(Item(path, texts[0], texts[1], texts[2], part, entry["attribution"]))
    return items, skipped


def _whole(text: object) -> str:
    """A caption on one line, as text that can be stored: half an emoji is none."""
    return " ".join(file_names.utf8(str(text)).decode().replace("\0", " ").split())


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name longer than a file system has, or with a NUL in it
        return False


def _place(folder: Path, file: str) -> Path | None:
    """The picture that a list calls `file`; lists of others' machines are met by its last name."""
    if not file:
        return None
    name = file.replace("\\", "/")
    for candidate in (
        folder / name,
        folder / "images" / name,
        folder / Path(name).name,
        folder / "images" / Path(name).name,
    ):
        if _is_there(candidate):
            return candidate
    return None


def _words(value: Any, separator: str) -> list[str]:
    if isinstance(value, list):
        return [str(item) for item in value]
    return str(value or "").split(separator)


def _text(path: Path) -> str:
    if path.is_file() and not path.stat().st_size:
        return ""
    return files.read_bytes(path, LARGEST_JSON).decode("utf-8-sig", errors="replace")


def _broken(path: Path, reason: str) -> UserError:
    return UserError(
        "{name} cannot be read as captions.",
        "{reason}.",
        "Export it again, or choose another file.",
        name=file_names.shown(path.name),
        reason=shortened(reason).rstrip("."),
    )
