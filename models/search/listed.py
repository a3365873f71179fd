"""What the lists in a folder and below say of its pictures: captions, keywords, labels, attributions."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from models.errors import UserError
from models.search import data, listings, pictures


@dataclass(frozen=True)
class Texts:
    """What is said of one picture."""

    captions: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    attribution: str = ""


NOTHING = Texts()


def texts_below(place: Path) -> tuple[dict[str, Texts], list[tuple[str, str]]]:
    """(path below the folder → what is said of it, (what, why) of what could not be used); the nearer list is believed.

    A list is a file that is named after captions or metadata, or a ``.txt`` beside a picture. Lists of metadata that hold
    something else are passed over below the top: other programs leave such files, too.
    """
    held: dict[str, Texts] = {}
    problems: list[tuple[str, str]] = []
    for where, folders, names in os.walk(place):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        folder = Path(where)
        lists = [name for name in names if listings.is_named_list(name)]
        if lists:
            captioned, left_out = _listed(
                folder, strict=folder == place or any("caption" in name.lower() for name in lists)
            )
            problems += left_out
        else:
            captioned = _beside(folder, names)
        held |= {name: texts for path, texts in captioned for name in [_below(place, path)] if name}
    return held, problems


def _listed(folder: Path, strict: bool) -> tuple[list[tuple[Path, Texts]], list[tuple[str, str]]]:
    try:
        result = data.open_captions(folder)
    except UserError as error:
        return [], [(str(folder), str(error))] if strict else []
    left_out = [(f"{folder / what}", why) for what, why in result.skipped] if strict else []
    return [
        (item.path, Texts(item.captions, item.keywords, item.labels, item.attribution))
        for item in result.items
    ], left_out


def _beside(folder: Path, names: list[str]) -> list[tuple[Path, Texts]]:
    notes = {name[:-4] for name in names if name.lower().endswith(".txt")}
    shown = [name for name in sorted(names) if os.path.splitext(name)[1].lower() in pictures.SUFFIXES]
    notes_of = [
        (folder / name, data.note_beside(folder / name))
        for name in shown
        if os.path.splitext(name)[0] in notes
    ]
    return [(path, Texts(captions)) for path, captions in notes_of if captions]


def _below(place: Path, path: Path) -> str:
    real = path.resolve()
    return real.relative_to(place).as_posix() if real.is_relative_to(place) else ""
