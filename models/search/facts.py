"""What a picture's file says of itself: its content as a hash, its size, when and with what it was taken."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass

from PIL import Image

from models.datafiles import content_hash
from models.errors import UserError
from models.search import pictures

_EXIF, _TAKEN, _CHANGED, _MAKE, _MODEL, _ORIENTATION = 0x8769, 0x9003, 0x0132, 0x010F, 0x0110, 0x0112
_TURNED = (5, 6, 7, 8)  # orientations whose width is the upright picture's height
_MOMENT = re.compile(r"(\d{4})[:-](\d{2})[:-](\d{2})(?:[ T](\d{2}:\d{2}:\d{2}))?")
LONGEST_CAMERA = 80  # letters


@dataclass(frozen=True)
class Facts:
    """content: the SHA-256 of the file, "" where it is not known. taken: when, by EXIF, ``YYYY-MM-DD HH:MM:SS`` in the
    camera's own time, or "". width, height: pixels of the upright picture, 0 where they are not known. camera: maker and model.
    """

    content: str = ""
    taken: str = ""
    width: int = 0
    height: int = 0
    camera: str = ""


UNKNOWN = Facts()


def of(path: str | os.PathLike[str]) -> Facts:
    """The facts of a file, as far as it tells them. Never raises: a file that cannot be read has none."""
    try:
        content = content_hash(path)
    except (UserError, MemoryError):
        return UNKNOWN
    try:
        with pictures.opened(path) as picture:
            return _told(picture, content)
    except (UserError, MemoryError, *pictures.DAMAGE):
        return Facts(content)


def of_text(text: str) -> str:
    """A hash of words, by which texts are known again."""
    return hashlib.sha256(text.encode()).hexdigest()


def _told(picture: Image.Image, content: str) -> Facts:
    exif = picture.getexif()
    width, height = picture.size
    if exif.get(_ORIENTATION) in _TURNED:
        width, height = height, width
    try:
        moment = str(exif.get_ifd(_EXIF).get(_TAKEN) or exif.get(_CHANGED) or "")
    except pictures.DAMAGE:
        moment = str(exif.get(_CHANGED) or "")
    make, model = (_clean(exif.get(tag)) for tag in (_MAKE, _MODEL))
    camera = model if model.casefold().startswith(make.casefold()) else f"{make} {model}".strip()
    return Facts(content, _moment(moment), width, height, camera[:LONGEST_CAMERA])


def _moment(text: str) -> str:
    """``2024:05:01 12:30:00`` as a date that sorts; "" for what is none, such as a camera's unset clock."""
    match = _MOMENT.search(text)
    if match is None:
        return ""
    year, month, day, clock = match.groups()
    if not (year >= "1826" and "01" <= month <= "12" and "01" <= day <= "31"):
        return ""
    return f"{year}-{month}-{day} {clock or '00:00:00'}"


def _clean(value: object) -> str:
    return " ".join("".join(c for c in str(value or "") if c.isprintable()).split())
