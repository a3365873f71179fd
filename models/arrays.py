"""Arrays in NPY and NPZ files that a person or a program of others has made. Nothing is unpickled.

What a header claims is checked against the size of the file before memory is taken. Only `UserError` comes out.
"""

from __future__ import annotations

import contextlib
import math
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import UserError
from models.file_names import shown
from models.files import (
    check_regular,
    check_unpacked,
    damaged,
    no_memory,
    opened,
    unpacked_limit,
    workbook,
)

MOST_ARRAYS = 10_000  # in one file
LARGEST_HEADER = 64 * 2**10  # bytes of the heading of an array


def read_npy(path: str | os.PathLike[str], mapped: bool = False) -> np.ndarray:
    """The array of a NPY file; nothing is unpickled. mapped: it stays on the disk. Raises UserError.

    The header is checked against the size of the file before memory is taken.
    """
    state = check_regular(path)
    with opened(path) as file, _array_errors(path):
        _check_header(file, state.st_size, path)
        if not mapped:
            file.seek(0)
            return _whole_text(
                np.lib.format.read_array(file, allow_pickle=False, max_header_size=LARGEST_HEADER)
            )
    with _array_errors(path):
        return np.load(path, allow_pickle=False, mmap_mode="r", max_header_size=LARGEST_HEADER)


def read_npz(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The arrays of a NPZ file by name; nothing is unpickled. Raises UserError.

    Unpacked they have at most `LARGEST_UNPACKED` bytes, or `MOST_GROWTH` times the size of the file.
    """
    state = check_regular(path)
    limit = unpacked_limit(state.st_size)
    result: dict[str, np.ndarray] = {}
    with opened(path) as raw, _array_errors(path), zipfile.ZipFile(raw) as archive:
        members = archive.infolist()
        if any(member.filename.startswith("xl/") for member in members):
            raise workbook(path)
        check_unpacked(path, sum(item.file_size for item in members), state.st_size)
        if len(members) > MOST_ARRAYS:
            raise damaged(path, f"it lists {len(members)} arrays")
        for member in members:
            if not member.filename.endswith(".npy"):
                continue
            with archive.open(member) as packed:
                _check_header(packed, min(member.file_size, limit), path)
            with archive.open(member) as packed:
                result[member.filename.removesuffix(".npy")] = _whole_text(
                    np.lib.format.read_array(packed, allow_pickle=False, max_header_size=LARGEST_HEADER)
                )
    return result


def _whole_text(array: np.ndarray) -> np.ndarray:
    """Itself; raises ValueError for text of what is no characters, which NumPy does not look at."""
    if array.dtype.kind == "U" and array.size and array.dtype.itemsize:
        codes = np.ascontiguousarray(array).view(array.dtype.str[0] + "u4")
        if int(codes.max()) > 0x10FFFF:
            raise ValueError("its text is damaged")
    return array


def _check_header(file: Any, size: int, path: str | os.PathLike[str]) -> None:
    """Raises where the header of an array claims more than `size` bytes, or objects."""
    version = np.lib.format.read_magic(file)
    reader = getattr(np.lib.format, f"read_array_header_{version[0]}_{version[1]}", None)
    if reader is None:
        raise ValueError(f"version {version[0]}.{version[1]} of the format is not known")
    shape, _, dtype = reader(file, max_header_size=LARGEST_HEADER)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, not plain numbers")
    if any(count < 0 for count in shape) or len(shape) > 32:
        raise ValueError("its shape cannot be")
    claimed = math.prod(shape) * dtype.itemsize
    if claimed > size:
        raise UserError(
            "{name} is not complete.",
            "It says that it holds {claimed:.1f} MB of numbers and has {there:.1f} MB.",
            "Copy it again from where it came from.",
            name=shown(Path(path).name),
            claimed=claimed / 1e6,
            there=size / 1e6,
        )


@contextlib.contextmanager
def _array_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """What zipfile, zlib and NumPy say of a damaged file, as UserError."""
    try:
        yield
    except MemoryError as error:
        raise no_memory(path) from error
    except (UserError, OSError):
        raise
    except Exception as error:
        # NumPy parses headers with Python's own tokenizer, zipfile has errors of its own: damage comes as all kinds.
        raise damaged(path, _plain_reason(error)) from error


def _plain_reason(error: Exception) -> str:
    """In our words: NumPy advises to switch its safeguards off."""
    if "allow_pickle" in str(error) or "Python objects" in str(error):
        return "it holds Python objects, not plain numbers"
    return "it is damaged, or was not copied to its end"
