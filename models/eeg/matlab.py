"""MAT files, of version 5 and of 7.3 (HDF5): held against their own structure before they are read.

SciPy's reader of version 5 believes type numbers and lengths, and reads memory that is not its own where they lie. The
layout: "MAT-File Format", MathWorks.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from models import files
from models.arrays import MOST_ARRAYS

_COMPRESSED, _MATRIX = 15, 14  # miCOMPRESSED, miMATRIX
_SIZES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}  # bytes of the numbers of a type
_TEXTS = {1: 1, 2: 1, 3: 2, 4: 2, 16: 1, 17: 2, 18: 4}
_CELL, _STRUCT, _CHAR, _SPARSE, _NUMBERS = 1, 2, 4, 5, range(6, 16)  # classes of arrays
_MOST_ELEMENTS = 1_000_000
_MOST_DIMENSIONS = 32
_DEEPEST = 20


class _Damaged(Exception):
    """The structure is not as the format has it."""


def read_matlab(path: Path) -> dict[str, Any]:
    """The variables of a MAT file: arrays, lists of cells, dicts of structures. Raises UserError."""
    from pymatreader import read_mat

    check_matlab(path)
    result = files.guarded(lambda: read_mat(path), path, "it is damaged, or no MAT file")
    return {str(name): value for name, value in result.items() if not str(name).startswith("__")}


def check_matlab(path: Path) -> None:
    """Raises UserError where the file would unpack to more than `files.LARGEST_UNPACKED`, or is damaged."""
    if files.sniff(path) == "hdf5":
        _check_hdf5(path)
    else:
        _check_mat5(path)


class _Bytes:
    """The bytes of an element, read or passed over in order; unpacked as they come where it is compressed."""

    def __init__(self, file: BinaryIO, length: int, packed: bool, order: str) -> None:
        self._file, self._left, self.order = file, length, order
        self._unpacker = zlib.decompressobj() if packed else None
        self._ready = b""
        self.given = 0

    def read(self, count: int) -> bytes:
        """Exactly so many. Raises `_Damaged` where there are fewer."""
        if self._unpacker is None:
            result = self._file.read(count) if count <= self._left else b""
            self._left -= count
        else:
            while len(self._ready) < count and (self._left or self._unpacker.unconsumed_tail):
                piece = self._unpacker.unconsumed_tail or self._file.read(min(65_536, self._left))
                if not self._unpacker.unconsumed_tail:
                    self._left -= len(piece)
                    if not piece:
                        break
                self._ready += self._unpacker.decompress(piece, 1 << 20)
                if self._unpacker.eof:
                    break
            result, self._ready = self._ready[:count], self._ready[count:]
        if len(result) < count:
            raise _Damaged
        self.given += count
        return result

    def skip(self, count: int) -> None:
        while count > 0:
            step = min(count, 1 << 20)
            self.read(step)
            count -= step

    def number(self, count: int = 4, signed: bool = False) -> int:
        return int.from_bytes(self.read(count), self.order, signed=signed)  # type: ignore[arg-type]


class _Checker:
    """Walks through the elements of a file, and counts them and what they claim."""

    def __init__(self, path: Path, size: int) -> None:
        self.path, self.size = path, size
        self.count = 0

    def tag(self, source: _Bytes) -> tuple[int, int, bool]:
        """(type, bytes, whether they stand in the tag itself)."""
        self.count += 1
        if self.count > _MOST_ELEMENTS:
            raise _Damaged
        first = source.number()
        if first >> 16:
            return first & 0xFFFF, first >> 16, True
        return first, source.number(), False

    def small(self, source: _Bytes, kinds: tuple[int, ...] | dict[int, int], most: int) -> tuple[int, bytes]:
        """(type, bytes) of an element of at most `most` bytes."""
        kind, length, inside = self.tag(source)
        if kind not in kinds or length > (4 if inside else most):
            raise _Damaged
        data = source.read(length)
        source.skip(4 - length if inside else -length % 8)
        return kind, data

    def values(self, source: _Bytes, sizes: dict[int, int], count: int | None) -> None:
        """An element of `count` values (None: any number of them)."""
        kind, length, inside = self.tag(source)
        if kind not in sizes or length % sizes[kind] or (inside and length > 4):
            raise _Damaged
        if count is not None and length // sizes[kind] != count:
            raise _Damaged
        source.skip(4 if inside else length + -length % 8)

    def matrix(self, source: _Bytes, length: int, depth: int) -> None:
        """The parts of an array whose tag was read; `length` 0 is an empty one."""
        if not length:
            return
        if depth > _DEEPEST:
            raise _Damaged
        end = source.given + length
        _, flags = self.small(source, (6,), 8)
        _, dimensions = self.small(source, (5,), 4 * _MOST_DIMENSIONS)
        if len(flags) != 8 or len(dimensions) % 4 or len(dimensions) < 8:
            raise _Damaged
        word = int.from_bytes(flags[:4], source.order)  # type: ignore[arg-type]
        shape = [
            int.from_bytes(dimensions[i : i + 4], source.order, signed=True)  # type: ignore[arg-type]
            for i in range(0, len(dimensions), 4)
        ]
        count = math.prod(shape)
        if min(shape) < 0 or count > files.unpacked_limit(self.size):
            raise _Damaged
        self.small(source, (1, 2), 4096)  # its name
        self._content(source, word & 0xFF, bool(word >> 11 & 1), count, depth)
        if not source.given <= end <= source.given + 8:
            raise _Damaged
        source.skip(end - source.given)

    def _content(self, source: _Bytes, kind: int, imaginary: bool, count: int, depth: int) -> None:
        if kind in _NUMBERS:
            for _ in range(1 + imaginary):
                self.values(source, _SIZES, count)
        elif kind == _CHAR:
            self.values(source, _TEXTS, None)
        elif kind == _SPARSE:
            for _ in range(3 + imaginary):
                self.values(source, _SIZES, None)
        elif kind in (_CELL, _STRUCT):
            inner = count
            if kind == _STRUCT:
                _, longest = self.small(source, (5,), 4)
                _, names = self.small(source, (1, 2), 1 << 20)
                width = int.from_bytes(longest, source.order)  # type: ignore[arg-type]
                if len(longest) != 4 or not 0 < width <= 4096 or len(names) % width:
                    raise _Damaged
                inner = count * (len(names) // width)
            if inner > _MOST_ELEMENTS:
                raise _Damaged
            for _ in range(inner):
                sort, length, inside = self.tag(source)
                if sort != _MATRIX or inside:
                    raise _Damaged
                self.matrix(source, length, depth + 1)
        else:  # objects, functions and what a later MATLAB has added
            raise files.damaged(self.path, "it holds objects or functions of MATLAB, not arrays alone")


def _check_mat5(path: Path) -> None:
    size, total, place = files.check_regular(path).st_size, 0, 128
    checker = _Checker(path, size)
    try:
        with files.opened(path) as file:
            file.seek(124)
            end = file.read(4)
            order = {b"IM": "little", b"MI": "big"}.get(end[2:])
            if order is None or int.from_bytes(end[:2], order) != 0x0100:  # type: ignore[arg-type]
                raise files.damaged(path, "it is damaged, or a MAT file of version 4; save it with -v7")
            while place + 8 <= size:
                file.seek(place)
                outer = _Bytes(file, 8, False, order)
                kind, length = outer.number(), outer.number()
                if kind not in (_MATRIX, _COMPRESSED) or place + 8 + length > size:
                    raise _Damaged
                source = _Bytes(file, length, kind == _COMPRESSED, order)
                if kind == _COMPRESSED:
                    kind, inner = source.number(), source.number()
                    if kind != _MATRIX:
                        raise _Damaged
                else:
                    inner = length
                total += inner
                files.check_unpacked(path, total, size)
                checker.matrix(source, inner, 0)
                place += 8 + length
    except (_Damaged, zlib.error, OverflowError, ValueError) as error:
        raise files.damaged(path, "it is damaged, or was not copied to its end") from error


def _check_hdf5(path: Path) -> None:
    import h5py

    def measured() -> int:
        total = 0
        with h5py.File(path, "r") as file:
            for count, dataset in enumerate(_datasets(file)):
                if count > MOST_ARRAYS:
                    raise ValueError("too many")
                total += dataset.size * dataset.dtype.itemsize if dataset.shape is not None else 0
                if dataset.external:
                    raise files.damaged(path, "it keeps its numbers in other files")
        return total

    total = files.guarded(measured, path, "it is damaged, or no MAT file")
    files.check_unpacked(path, total, files.check_regular(path).st_size)


def _datasets(group: Any) -> list[Any]:
    import h5py

    datasets: list[Any] = []

    def see(_: str, item: Any) -> int | None:
        if isinstance(item, h5py.Dataset):
            datasets.append(item)
        return 1 if len(datasets) > MOST_ARRAYS else None

    group.visititems(see)
    return datasets
