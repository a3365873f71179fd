"""Make ``resources/samples/search``: every emoji as a palette PNG, its words and its part; a few photographs.

python tools/sample_search.py EMOJI_FOLDER PHOTOS_FOLDER

Both folders hold ``images.zip`` and ``captions.csv``. Emoji that are variants of one another (a woman or a man doing
the same) always lie in the same part, so that none of the test part was met in training in another dress.
"""

from __future__ import annotations

import csv
import io
import random
import shutil
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from models.resources import resource

COLOURS = 64  # of a picture's palette: hardly seen at 64 pixels, and a third of the bytes
PHOTOS = 24
# Who does it (man, woman, person), joiners and gender signs: what is left of a name is what is done.
VARIANTS = {"1f468", "1f469", "1f9d1", "200d", "2640", "2642", "fe0f"}


def main() -> None:
    """Write the pictures that ship from the folders of emoji and photos that are named on the command line."""
    emoji, photos = Path(sys.argv[1]), Path(sys.argv[2])
    place = resource("samples", "search")
    shutil.rmtree(place, ignore_errors=True)
    write_emoji(emoji, place / "emoji")
    write_photos(photos, place / "photos")


def write_emoji(source: Path, place: Path) -> None:
    """Write the emoji as small PNG files with their captions, split as the data set says."""
    place.mkdir(parents=True)
    rows = _rows(source / "captions.csv")
    parts = split_of(row["file"] for row in rows)
    with zipfile.ZipFile(source / "images.zip") as archive:
        for row in rows:
            picture = Image.open(io.BytesIO(archive.read(row["file"]))).convert("RGB")
            small = picture.quantize(COLOURS, dither=Image.Dither.NONE)
            small.save(place / row["file"], optimize=True)
    kept = [
        {
            "file": row["file"],
            "caption": row["caption"],
            "keywords": row["keywords"].replace("\xa0", " "),
            "labels": row["labels_multi"],
            "emoji": row["emoji"],
            "part": parts[row["file"]],
        }
        for row in rows
    ]
    _write(place / "captions.csv", kept)


def split_of(files: Iterable[str]) -> dict[str, str]:
    """file → train, validation (a tenth of the rest) or test (a fifth); variants together."""
    groups: dict[str, list[str]] = {}
    for file in files:
        codes = file.removesuffix(".png").removeprefix("emoji_u").split("_")
        left = [code for code in codes if code not in VARIANTS]
        groups.setdefault("_".join(left or codes), []).append(file)
    names = sorted(groups)
    random.Random(1).shuffle(names)
    total = sum(map(len, groups.values()))
    result: dict[str, str] = {}
    for name in names:
        count = len(result)
        part = "test" if count < total / 5 else "validation" if count < total * 0.28 else "train"
        result.update(dict.fromkeys(groups[name], part))
    return result


def write_photos(source: Path, place: Path) -> None:
    """Copy the first photos and their captions."""
    place.mkdir(parents=True)
    rows = _rows(source / "captions.csv")[:PHOTOS]
    with zipfile.ZipFile(source / "images.zip") as archive:
        for row in rows:
            (place / row["file"]).write_bytes(archive.read(f"224/{row['file']}"))
    kept = [
        {
            "file": row["file"],
            "caption": row["caption"],
            "labels": row["labels"],
            "attribution": f"{row['license']}, {row['flickr_url']}",
        }
        for row in rows
    ]
    _write(place / "captions.csv", kept)


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
