"""Files of weights, held against their own headers before any memory is taken for them. No torch."""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models import documents, file_names, files
from models.errors import UserError

LARGEST_HEADER = 100_000_000  # bytes, as safetensors itself has it
MOST_TENSORS = 100_000
_BYTES = {
    "F64": 8,
    "I64": 8,
    "U64": 8,
    "F32": 4,
    "I32": 4,
    "U32": 4,
    "F16": 2,
    "BF16": 2,
    "I16": 2,
    "U16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
}
SPARE = 64_000_000  # numbers that a network may have beyond 64 times those that are stored
NO_SIZES = ("_id", "_ids", "rate", "seed", "version")  # endings of names of numbers that are no sizes
LAYERS = ("layers", "blocks", "repeats", "stacks", "depth")  # in the names of settings that count layers


def tensors(path: str | os.PathLike[str]) -> dict[str, tuple[int, ...]]:
    """Name → shape of what a safetensors file holds. Raises UserError where it is none, or was not copied to its end."""
    size = files.check_regular(path).st_size
    check_pointer(path)
    with files.opened(path) as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or not 2 <= length <= min(LARGEST_HEADER, size - 8):
            raise _damaged(path)
        text = file.read(length)
    try:
        values = documents.parsed_json(text, path)
    except UserError as error:
        raise _damaged(path) from error
    result: dict[str, tuple[int, ...]] = {}
    try:
        if len(values) > MOST_TENSORS:
            raise ValueError
        for name, about in values.items():
            if name == "__metadata__":
                continue
            begin, end = about["data_offsets"]
            shape = tuple(about["shape"])
            if not all(type(item) is int and 0 <= item < 2**48 for item in (begin, end, *shape)):
                raise ValueError
            if (
                not begin <= end <= size - 8 - length
                or math.prod(shape) * _BYTES.get(about["dtype"], 1) > end - begin
            ):
                raise ValueError
            result[name] = shape
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path) from error
    return result


def check_pointer(path: str | os.PathLike[str]) -> None:
    """Raises UserError for a pointer of Git LFS that stands where the weights should be."""
    if files.sniff(path) == "lfs":
        raise UserError(
            "{name} is only a pointer to the weights.",
            "The model was copied with git, without Git LFS.",
            "Run `git lfs pull` in its folder, or download the file itself.",
            name=file_names.shown(Path(path).name),
        )


def check_archive(path: str | os.PathLike[str]) -> None:
    """Raises UserError where a file of PyTorch unpacks to more than `files.LARGEST_UNPACKED`, or is damaged."""
    size = files.check_regular(path).st_size
    check_pointer(path)
    if files.sniff(path) != "zip":
        return
    try:
        with files.opened(path) as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (
        zipfile.BadZipFile,
        ValueError,
        NotImplementedError,
        UnicodeError,
        RuntimeError,
        EOFError,
    ) as error:
        raise _damaged(path) from error
    if len(members) > MOST_TENSORS:
        raise _damaged(path)
    files.check_unpacked(path, sum(member.file_size for member in members), size)


def check_described(network: Any, stored: dict[str, tuple[int, ...]], name: str) -> None:
    """Raises UserError where a config describes a network far larger than the weights that come with it.

    Its two largest numbers, as width and length of a matrix, have to be in proportion to what is stored, and layers are
    not more than there are tensors: else a few bytes of text take all memory.
    """
    whole = sum(math.prod(shape) for shape in stored.values())
    numbers = sorted((value for _, value in _whole_numbers(network)), reverse=True)[:2]
    many = [value for key, value in _whole_numbers(network) if any(word in key for word in LAYERS)]
    largest = math.prod(numbers) if numbers else 0
    if largest > SPARE + 64 * whole or max(many, default=0) > max(64, len(stored)):
        raise UserError(
            "{name} describes a network far larger than its weights.",
            "It names sizes such as {number}, and {count} numbers are stored.",
            "Copy it again from where it came from.",
            name=name,
            number=max([*numbers, *many]),
            count=whole,
        )


def _whole_numbers(values: Any, key: str = "") -> Iterator[tuple[str, int]]:
    """(name, value) of every whole number in plain values."""
    if isinstance(values, dict):
        for name, value in values.items():
            yield from _whole_numbers(value, str(name).lower())
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _whole_numbers(value, key)
    elif key.endswith(NO_SIZES):
        return
    elif isinstance(values, int) and not isinstance(values, bool):
        yield key, abs(values)
    elif isinstance(values, float) and math.isfinite(values) and abs(values) > 2**31:
        yield key, int(abs(values))


def _damaged(path: str | os.PathLike[str]) -> UserError:
    return UserError(
        "The weights {path} cannot be read.",
        "The file is damaged, was not copied to its end, or is not in the safetensors format.",
        "Copy it again from where it came from.",
        path=file_names.shown(path),
    )
