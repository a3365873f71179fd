"""FIF files: their chain of tags is followed to its end before MNE follows it, which does so for ever where it is a ring."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from models import files

_MOST_TAGS = 5_000_000
_SEQUENCE, _END = 0, -1  # the next tag follows, there is none


def check_fif(path: Path) -> None:
    """Raises UserError where a tag points backwards or out of the file, or where a packed file is too large unpacked."""
    size = files.check_regular(path).st_size
    if files.sniff(path) == "gzip":
        _check_packed(path, size)
        return
    with files.opened(path) as file:
        place = 0
        for _ in range(_MOST_TAGS):
            file.seek(place)
            tag = file.read(16)
            if len(tag) < 16:
                return  # cut off: what is there may be read
            _, _, length, following = struct.unpack(">iiii", tag)
            behind = place + 16 + length
            if length < 0:
                break
            if following == _END:
                return
            if following == _SEQUENCE:
                place = behind
            elif following > place:
                place = following
            else:
                break
    raise files.damaged(path, "its parts point to one another in a ring")


def _check_packed(path: Path, size: int) -> None:
    unpacker, total = zlib.decompressobj(31), 0
    try:
        with files.opened(path) as file:
            while piece := unpacker.unconsumed_tail or file.read(65_536):
                total += len(unpacker.decompress(piece, 1 << 20))
                files.check_unpacked(path, total, size)
                if unpacker.eof:
                    return
    except zlib.error as error:
        raise files.damaged(path, "it is damaged, or was not copied to its end") from error
