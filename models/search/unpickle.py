"""The `.pkl` files in which hashing data sets are published: NumPy arrays, lists, names and numbers, and nothing else.

A pickle is a small program. This reader knows the five names that NumPy arrays are written with and refuses every other
before it is called, so that a file from the net can be opened.
"""

from __future__ import annotations

import codecs
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy._core import multiarray, numeric

from models.errors import UserError


def _text_bytes(text: str, encoding: str = "latin1") -> bytes:
    """How old pickles write bytes; no other codec is let through, some of them unpack to any size."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError("bytes in an unknown encoding")
    return codecs.encode(text, "latin1")


def _array(*arguments: Any) -> np.ndarray:
    """`_reconstruct`, for plain arrays only."""
    return np.ndarray.__new__(np.ndarray, (0,), np.int8)


_ALLOWED: dict[tuple[str, str], Callable[..., Any] | type] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _text_bytes,
    ("numpy.core.multiarray", "_reconstruct"): _array,
    ("numpy._core.multiarray", "_reconstruct"): _array,
    ("numpy.core.multiarray", "scalar"): multiarray.scalar,
    ("numpy._core.multiarray", "scalar"): multiarray.scalar,
    ("numpy.core.numeric", "_frombuffer"): numeric._frombuffer,  # type: ignore[attr-defined]
    ("numpy._core.numeric", "_frombuffer"): numeric._frombuffer,  # type: ignore[attr-defined]
}


class _Refused(Exception):
    """The file asked for a name that no array needs."""


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise _Refused(f"{module}.{name}") from None

    def persistent_load(self, pid: Any) -> Any:
        raise _Refused("an object outside the file")


def read(path: str | os.PathLike[str]) -> Any:
    """What a `.pkl` file holds. Raises UserError where it is damaged, or asks for more than arrays, lists and numbers."""
    path = Path(path)
    try:
        found = _ArrayUnpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
        _check(found)
        return found
    except _Refused as error:
        raise UserError(
            "{name} was not opened.",
            "It holds more than arrays, lists and numbers: it asks for {wanted}, which could run code that came with it.",
            "Ask its author for an .npz or .safetensors file.",
            name=path.name,
            wanted=str(error),
        ) from error
    except FileNotFoundError as error:
        raise UserError("{path} was not found.", "", "Choose the file again.", path=path) from error
    except (pickle.UnpicklingError, EOFError, OSError, ValueError, TypeError, AttributeError, IndexError, KeyError,
            MemoryError, OverflowError, UnicodeError, SystemError) as error:  # fmt: skip
        # A damaged pickle is a damaged program: its steps fail in all these ways.
        raise UserError(
            "{name} cannot be read.",
            "It is damaged, or not a pickle of arrays ({reason}).",
            "Copy it again from where it came from.",
            name=path.name,
            reason=type(error).__name__,
        ) from error


def _check(value: Any, depth: int = 0) -> None:
    """Only what data sets are made of; classes and functions are refused though they do no harm here."""
    if depth > 20:
        raise ValueError("nested too deeply")
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            for one in value.flat:
                _check(one, depth + 1)
    elif isinstance(value, dict):
        for key, one in value.items():
            _check(key, depth + 1)
            _check(one, depth + 1)
    elif isinstance(value, list | tuple):
        if not value or not all(type(one) in (int, float, bool, str) for one in value):
            for one in value:
                _check(one, depth + 1)
    elif not isinstance(value, int | float | bool | str | bytes | np.generic | type(None)):
        raise _Refused(type(value).__name__)
