"""One guarded way to open each kind of file that a person or a program of others has made.

What a file claims is checked against what it has before memory is taken for it; the limits stand here and in the
messages. Only `UserError` comes out: what other libraries say about a broken file is for programmers. What a file *is*
goes by its first bytes (`sniff`), not by its ending. JSON and YAML are read in `documents`, NPY and NPZ in `arrays`.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from models.errors import UserError, shortened
from models.file_names import shown

LARGEST_UNPACKED = 2 * 2**30  # bytes that a compressed file may grow to, or
MOST_GROWTH = 8  # times its size, where that is more
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # of Excel, new and old

_SIGNATURES = (
    (0, b"\x93NUMPY", "npy"),
    (0, b"PK\x03\x04", "zip"),
    (0, b"PK\x05\x06", "zip"),
    (0, b"\xffBIOSEMI", "bdf"),
    (0, b"0       ", "edf"),
    (0, b"Brain Vision", "brainvision"),
    (0, b"BrainVision", "brainvision"),
    (0, b"\xef\xbb\xbfBrain", "brainvision"),
    (0, b"\x00\x00\x00\x64\x00\x00\x00\x1f\x00\x00\x00\x14", "fif"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"\x89HDF\r\n\x1a\n", "hdf5"),
    (512, b"\x89HDF\r\n\x1a\n", "hdf5"),
    (0, b"MATLAB 5.0", "mat5"),
    (0, b"PAR1", "parquet"),
    (0, b"version https://git-lfs", "lfs"),
    (8, b"WAVE", "wav"),
    (0, b"RIFF", "riff"),
    (0, b".snd", "au"),
    (0, b"caff", "caf"),
    (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (0, b"ID3", "mp3"),
    (4, b"ftyp", "mp4"),
    (4, b"moov", "mp4"),
    (4, b"mdat", "mp4"),
    (4, b"wide", "mp4"),
    (0, b"\x1aE\xdf\xa3", "matroska"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (0, b"#!AMR", "amr"),
)


def sniff(path: str | os.PathLike[str]) -> str:
    """What the first bytes say that a file is, such as ``bdf`` or ``zip``; empty where they say nothing.

    Raises UserError where it cannot be read.
    """
    with opened(path) as file:
        head = file.read(1024)
    for place, mark, kind in _SIGNATURES:
        if head[place : place + len(mark)] == mark:
            return kind
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:  # the beginning of a frame of MPEG sound
        return "aac" if head[1] & 0x06 == 0 else "mp3"
    return ""


def check_regular(path: str | os.PathLike[str]) -> os.stat_result:
    """Its state. Raises UserError where `path` is missing, a folder, empty, or what may never end or answer: a pipe,
    a device, a socket."""
    path = Path(path)
    try:
        state = path.stat()
    except (OSError, ValueError) as error:
        raise cannot_read(path, error) from error
    if stat.S_ISDIR(state.st_mode):
        raise UserError(
            "{name} is a folder.", "A file was expected.", "Choose a file in it.", name=shown(path.name)
        )
    if not stat.S_ISREG(state.st_mode):
        raise UserError(
            "{name} is not a file.",
            "It is a pipe, a device or a socket, whose reading may never end.",
            "Copy what it gives into a file, and choose that.",
            name=shown(path.name),
        )
    if not state.st_size:
        raise UserError(
            "{name} is empty.",
            "The file has no bytes.",
            "Record or copy it again.",
            name=shown(path.name),
        )
    return state


@contextlib.contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A regular file for reading. Raises UserError where it is none, or cannot be read, within, too."""
    check_regular(path)
    try:
        with open(path, "rb") as file:
            yield file
    except OSError as error:
        raise cannot_read(path, error) from error


def read_bytes(path: str | os.PathLike[str], most: int) -> bytes:
    """What is in a regular file of at most `most` bytes. Raises UserError."""
    state = check_regular(path)
    if state.st_size > most:
        raise too_large(path, state.st_size, most)
    with opened(path) as file:
        result = file.read(most + 1)
    if len(result) > most:  # it grew since
        raise too_large(path, len(result), most)
    return result


def unpacked_limit(size: int) -> int:
    """How many bytes a file of `size` bytes may unpack to."""
    return max(LARGEST_UNPACKED, MOST_GROWTH * size)


def check_unpacked(path: str | os.PathLike[str], unpacked: int, size: int) -> None:
    """Raises UserError where a file of `size` bytes says that it unpacks to more than it may."""
    if unpacked > unpacked_limit(size):
        raise UserError(
            "{name} is too large when it is unpacked.",
            "It has {mb:.1f} MB and would grow to {gb:.1f} GB; {most:.0f} GB are allowed, or {times} times its size.",
            "Save a part of it, or save it uncompressed.",
            name=shown(Path(path).name),
            mb=size / 1e6,
            gb=unpacked / 1e9,
            most=LARGEST_UNPACKED / 2**30,
            times=MOST_GROWTH,
        )


def guarded(
    read: Callable[[], Any],
    path: str | os.PathLike[str],
    reason: str = "it is damaged, or of a kind that is not known",
) -> Any:
    """What `read` gives; whatever a library for foreign files stumbles over in it becomes a UserError.

    For readers without a list of errors of their own, as MNE, h5py and pyarrow are.
    """
    try:
        return read()
    except UserError:
        raise
    except MemoryError as error:
        raise no_memory(path) from error
    except Exception as error:
        raise damaged(path, reason) from error


def damaged(path: str | os.PathLike[str], reason: str) -> UserError:
    """The error for a file that is not what it should be; `reason` is part of a sentence."""
    if _is_pointer(path):
        return UserError(
            "{name} is only a pointer to its contents.",
            "It was copied with git, without Git LFS.",
            "Run `git lfs pull` there, or download it again.",
            name=shown(Path(path).name),
        )
    reason = shortened(reason).rstrip(".")
    return UserError(
        "{name} cannot be read.",
        "{reason}.",
        "Copy it again, or export it anew.",
        name=shown(Path(path).name),
        reason=reason[:1].upper() + reason[1:],
    )


def _is_pointer(path: str | os.PathLike[str]) -> bool:
    try:
        return sniff(path) == "lfs"
    except UserError:
        return False


def workbook(path: str | os.PathLike[str]) -> UserError:
    """The error for a workbook (or another archive) where a table of text was expected; it says how to export one."""
    return UserError(
        "{name} is no table of text.",
        "It is a workbook, as Excel saves it, or an archive.",
        "Export it as CSV (in Excel: CSV UTF-8).",
        name=shown(Path(path).name),
    )


def too_large(path: str | os.PathLike[str], size: int, most: int) -> UserError:
    """The error for a file of `size` bytes where at most `most` bytes are read."""
    return UserError(
        "{name} is too large.",
        "It has {size:.1f} MB, and at most {most:.0f} MB are read of such a file.",
        "Choose another file.",
        name=shown(Path(path).name),
        size=size / 1e6,
        most=most / 1e6,
    )


def no_memory(path: str | os.PathLike[str]) -> UserError:
    """The error for a file whose contents need more memory than there is: a MemoryError while it was read."""
    return UserError(
        "{name} does not fit into memory.",
        "",
        "Close other programs, or choose a smaller file.",
        name=shown(Path(path).name),
    )


def cannot_read(path: str | os.PathLike[str], error: OSError | ValueError) -> UserError:
    """The error for a file that the system does not give: missing, forbidden, a name that cannot be."""
    path = Path(path)
    name = shown(path.name)
    if isinstance(error, FileNotFoundError):
        return UserError(
            "{name} was not found.",
            "It may have been moved or deleted: {path}.",
            "Choose it again.",
            name=shortened(name),
            path=shown(path),
        )
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UserError(
        "{name} cannot be read.",
        "{reason}.",
        "Check its permissions, or choose another file.",
        name=shortened(name),
        reason=shortened(reason).rstrip("."),
    )
