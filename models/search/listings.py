"""Lists of captions as people keep them and as public data sets come: tables, JSON lines, and COCO's, Karpathy's and Flickr's files.

Which files of a folder are lists, what they say row by row, and where the pictures lie that they name.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from models import documents, file_names, files
from models.datafiles import read_table
from models.errors import UserError, shortened
from models.remarks import Remark
from models.search import pictures

SEPARATOR = "||"  # between several captions in one cell
LARGEST_LIST = 512 * 2**20  # bytes
_MOST_FOLDERS = 30  # beside a list, in which its pictures are looked for
_FILE = ("file", "path", "image", "filename", "file_name", "image_name")
_CAPTION = ("caption", "captions", "text", "title", "description", "comment")
_SPLITS = {
    "train": "train",
    "training": "train",
    "restval": "train",  # of Karpathy's split: validation pictures that are trained on
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
_IN_NAME = re.compile(rf"(?<![a-z])({'|'.join(sorted(_SPLITS, key=len, reverse=True))})(?![a-z])")
_TOKEN = re.compile(r"(?P<file>.+)#(?P<number>\d+)\t(?P<caption>.*)")  # a line of Flickr's .token


@dataclass(frozen=True)
class Row:
    """What one row of a list says of the picture `file`, which may have several rows."""

    file: str
    captions: list[str]
    keywords: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    part: str = ""
    attribution: str = ""


def part_of(name: str) -> str | None:
    """train, validation or test for the usual names of a part of a split, "" for none, None for what is not known."""
    return _SPLITS.get(name.strip().lower(), None if name.strip() else "")


def is_named_list(name: str) -> bool:
    """Whether a file is by its name a list of captions or of metadata."""
    lower = name.lower()
    return _is_list(name) and ("caption" in lower or lower.startswith("metadata."))


def lists_in(folder: Path) -> tuple[list[tuple[Path, str]], list[Path]]:
    """(the lists of a folder, each with the part of a split that its name tells or ""; lists that are left out).

    Those named after captions or metadata come first. Of several, all are taken where each is named after another part
    of a split (``train.csv``, ``captions_val2017.json``), and else the first. Raises UserError.
    """
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
    shown = {entry.stem for entry in entries if entry.suffix.lower() in pictures.SUFFIXES}
    # What is named as a picture is about that picture alone: a download's own notes, captions in a .txt.
    lists = [entry for entry in entries if entry.stem not in shown and _lists_captions(entry)]
    named = [entry for entry in lists if "caption" in entry.name.lower() or entry.stem.lower() == "metadata"]
    lists = named or lists
    parts = [_part_in_name(entry.stem) for entry in lists]
    if len(lists) > 1 and all(parts) and len(set(parts)) == len(parts):
        return list(zip(lists, parts, strict=True)), []
    return [(entry, "") for entry in lists[:1]], lists[1:]


def rows_of(listing: Path) -> list[Row]:
    """The rows of a list of any known kind. Raises UserError."""
    suffix = listing.suffix.lower()
    if suffix in {".csv", ".tsv"} or (suffix == ".txt" and _begins_as_table(listing)):
        return _from_table(listing)
    if suffix in {".jsonl", ".ndjson"}:
        return _from_lines(listing)
    if suffix == ".json":
        return _from_json(listing)
    if suffix == ".token":
        return _from_tokens(listing)
    raise UserError(
        "{name} is not a list of captions.",
        "A .csv, a .jsonl, a .token of Flickr or a .json as of COCO was expected.",
        "Choose one of these, or the folder of the pictures.",
        name=listing.name,
    )


def rows_beside(folder: Path) -> Iterator[Row]:
    """The captions that stand in a ``.txt`` beside each picture of a folder and those below it."""
    for path in pictures.find(folder)[0]:
        note = path.with_suffix(".txt")
        if is_there(note):
            yield Row(str(path.relative_to(folder)), text_of(note).splitlines())


class Places:
    """Where the pictures lie that a list names: as it says; else by the last part of the name, beside the list, in the folders
    there and, of a folder ``annotations``, in those beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, file: str) -> Path | None:
        """The picture, or None where none, or where several could be meant."""
        name = file.replace("\\", "/")
        if not name:
            return None
        for root in (self._folder, self._folder / "images"):
            if is_there(root / name):
                return root / name
        last = name.rpartition("/")[2]
        for key in (last, last.casefold()):  # file systems of other machines do not tell capitals apart
            places = self._by_name.get(key, ())
            if places:
                return places[0] if len(places) == 1 else None
        return None

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        held: dict[str, list[Path]] = {}
        for root in self._roots():
            for entry in _entries(root):
                if os.path.splitext(entry.name)[1].lower() in pictures.SUFFIXES:
                    for key in {entry.name, entry.name.casefold()}:
                        held.setdefault(key, []).append(Path(entry.path))
        return held

    def _roots(self) -> list[Path]:
        above = [self._folder.parent] if self._folder.name.lower() == "annotations" else []
        roots = [self._folder, *above]
        below = [
            Path(entry.path)
            for root in roots
            for entry in _entries(root)
            if not entry.name.startswith(".") and entry.is_dir()
        ]
        return [*roots, *below[:_MOST_FOLDERS]]


def whole(text: object) -> str:
    """A caption on one line, as text that can be stored: half an emoji is none."""
    return " ".join(file_names.utf8(str(text)).decode().replace("\0", " ").split())


def is_there(path: Path) -> bool:
    """Whether this is a file; a name longer than a file system has, or with a NUL in it, is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def text_of(path: Path) -> str:
    """The text of a list in UTF-8, "" of an empty one. Raises UserError where it cannot be read or is too large."""
    if path.is_file() and not path.stat().st_size:
        return ""
    return files.read_bytes(path, LARGEST_LIST).decode("utf-8-sig", errors="replace")


def _is_list(name: str) -> bool:
    return name.lower().endswith((".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".token"))


def _lists_captions(entry: Path) -> bool:
    if _is_list(entry.name):
        return True
    return entry.suffix.lower() == ".txt" and "caption" in entry.stem.lower() and _begins_as_table(entry)


def _begins_as_table(path: Path) -> bool:
    """Whether the first line of a text names a column of pictures and one of captions, as Flickr 8k's captions.txt."""
    if not is_there(path):
        return False
    with files.opened(path) as file:
        first = file.readline(1000).decode("utf-8-sig", errors="replace").lower()
    columns = {cell.strip() for cell in re.split(r"[,;\t|]", first)}
    return not columns.isdisjoint(_FILE) and not columns.isdisjoint(_CAPTION)


def _part_in_name(stem: str) -> str:
    told = _IN_NAME.search(stem.lower())
    return _SPLITS[told[1]] if told else ""


def _from_table(listing: Path) -> list[Row]:
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
            lacking=Remark("the pictures") if file_column is None else Remark("the captions"),
            found=", ".join(table.columns),
        )
    return [
        Row(
            row[file_column],
            row[caption_column].split(SEPARATOR),
            row["keywords"].split("|"),
            (row["labels"] or row["label"]).split("|"),
            row["part"] or row["split"],
            row["attribution"] or row["license"],
        )
        for row in table.rows
    ]


def _from_lines(listing: Path) -> list[Row]:
    rows = []
    for number, line in enumerate(text_of(listing).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            if not isinstance(values, dict) or documents.depth(values) > documents.DEEPEST:
                raise ValueError("a line holds names and values")
        except (ValueError, RecursionError) as error:
            raise broken(listing, f"line {number}: it is damaged, or no names and values") from error
        rows.append(_of_values(values))
    return rows


def _of_values(values: dict[str, Any]) -> Row:
    return Row(
        next((str(values[name]) for name in _FILE if values.get(name)), ""),
        _words(next((values[name] for name in _CAPTION if values.get(name)), ""), SEPARATOR),
        _words(values.get("keywords"), "|"),
        _words(values.get("labels") or values.get("label"), "|"),
        str(values.get("part") or values.get("split") or ""),
        str(values.get("attribution") or values.get("license") or ""),
    )


def _from_json(listing: Path) -> list[Row]:
    """COCO's captions (``images`` and ``annotations``), Karpathy's splits (``images`` with ``sentences``), or a list of rows."""
    try:
        values = json.loads(text_of(listing))
        if isinstance(values, list):
            return [_of_values(dict(row)) for row in values]
        if "annotations" not in values:
            return [_of_karpathy(image) for image in values["images"]]
        names = {image["id"]: str(image["file_name"]) for image in values["images"]}
        return [
            Row(names.get(note["image_id"], f"image {note['image_id']}"), [str(note["caption"])])
            for note in values["annotations"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise broken(listing, "it holds no captions as COCO's or Karpathy's JSON does") from error


def _of_karpathy(image: dict[str, Any]) -> Row:
    folder = str(image.get("filepath") or "")
    return Row(
        f"{folder}/{image['filename']}" if folder else str(image["filename"]),
        [str(sentence["raw"]) for sentence in image["sentences"]],
        part=str(image.get("split") or ""),
    )


def _from_tokens(listing: Path) -> list[Row]:
    """``1000.jpg#0``, a tab and a caption in each line, as Flickr 8k and 30k are published."""
    rows = []
    for number, line in enumerate(text_of(listing).splitlines(), start=1):
        if line.strip():
            told = _TOKEN.fullmatch(line)
            if told is None:
                raise broken(listing, f"line {number}: it is no picture, # and number, a tab and a caption")
            rows.append(Row(told["file"], [told["caption"]]))
    return rows


def _words(value: Any, separator: str) -> list[str]:
    if isinstance(value, list):
        return [str(item) for item in value]
    return str(value or "").split(separator)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def broken(path: Path, reason: str) -> UserError:
    """The error of a list that cannot be understood."""
    return UserError(
        "{name} cannot be read as captions.",
        "{reason}.",
        "Export it again, or choose another file.",
        name=file_names.shown(path.name),
        reason=shortened(reason).rstrip("."),
    )
