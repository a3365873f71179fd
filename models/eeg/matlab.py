"""MAT files, of version 5 and of 7.3 (HDF5): how large they are unpacked is looked at before they are read."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

from models import files

_COMPRESSED = 15  # miCOMPRESSED
_MOST_ELEMENTS = files.MOST_ARRAYS


def read_matlab(path: Path) -> dict[str, Any]:
    """The variables of a MAT file: arrays, lists of cells, dicts of structures. Raises UserError."""
    from pymatreader import read_mat

    check_matlab(path)
    found = files.guarded(lambda: read_mat(path), path, "it is damaged, or no MAT file")
    return {str(name): value for name, value in found.items() if not str(name).startswith("__")}


def check_matlab(path: Path) -> None:
    """Raises UserError where the file would unpack to more than `files.LARGEST_UNPACKED`, or is damaged."""
    kind = files.sniff(path)
    if kind == "hdf5":
        _check_hdf5(path)
    elif kind == "mat5":
        _check_mat5(path)


def _check_mat5(path: Path) -> None:
    size, total, place = files.check_regular(path).st_size, 0, 128
    with files.opened(path) as file:
        file.seek(126)
        order = "big" if file.read(2) == b"MI" else "little"
        for _ in range(_MOST_ELEMENTS):
            file.seek(place)
            tag = file.read(8)
            if len(tag) < 8:
                break
            kind, length = (int.from_bytes(tag[i : i + 4], order) for i in (0, 4))  # type: ignore[arg-type]
            if place + 8 + length > size + 8:
                raise files.damaged(path, "it is damaged, or was not copied to its end")
            if kind == _COMPRESSED:
                try:
                    inner = zlib.decompressobj().decompress(file.read(min(length, 4096)), 8)
                except zlib.error as error:
                    raise files.damaged(path, "it is damaged, or was not copied to its end") from error
                total += int.from_bytes(inner[4:8], order)  # type: ignore[arg-type]
            else:
                total += length
            place += 8 + length
    files.check_unpacked(path, total, size)


def _check_hdf5(path: Path) -> None:
    import h5py

    def measured() -> int:
        total = 0
        with h5py.File(path, "r") as file:
            for count, one in enumerate(_datasets(file)):
                if count > _MOST_ELEMENTS:
                    raise ValueError("too many")
                total += one.size * one.dtype.itemsize if one.shape is not None else 0
                if one.external:
                    raise files.damaged(path, "it keeps its numbers in other files")
        return total

    total = files.guarded(measured, path, "it is damaged, or no MAT file")
    files.check_unpacked(path, total, files.check_regular(path).st_size)


def _datasets(group: Any) -> list[Any]:
    import h5py

    found: list[Any] = []

    def see(_: str, one: Any) -> int | None:
        if isinstance(one, h5py.Dataset):
            found.append(one)
        return 1 if len(found) > _MOST_ELEMENTS else None

    group.visititems(see)
    return found
