"""The `.pkl` files in which hashing data sets are published: NumPy arrays, lists, names and numbers, and nothing else.

A pickle is a small program. This reader runs the steps that make plain values, knows the few names that NumPy arrays
are written with, and makes the arrays itself, of simple kinds whose bytes are as many as their shape says: NumPy's own
constructors would lay objects over foreign bytes. Every other step and name is refused before it does anything.
"""

from __future__ import annotations

import io
import math
import os
import pickle
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from models import file_names, files
from models.errors import UserError, shortened

LARGEST = 4 * 2**30  # bytes of a file
MOST_STEPS = 50_000_000  # of the program, and values of the result
DEEPEST = 20
LARGEST_ITEM = 65_536  # bytes of one value of an array of texts
_KIND = re.compile(
    r"[<>|=]?(?:[biufc]\d{1,2}|[SUaV]\d{1,5}|[?bBhHiIlLqQefdgO]|O8|bool|(?:u?int|float)\d{1,2})"
)

_STEPS = [
    "PROTO",
    "FRAME",
    "STOP",
    "MARK",
    "POP",
    "POP_MARK",
    "NONE",
    "NEWTRUE",
    "NEWFALSE",
    "INT",
    "BININT",
    "BININT1",
    "BININT2",
    "LONG",
    "LONG1",
    "LONG4",
    "FLOAT",
    "BINFLOAT",
    "STRING",
    "BINSTRING",
    "SHORT_BINSTRING",
    "BINBYTES",
    "SHORT_BINBYTES",
    "BINBYTES8",
    "BYTEARRAY8",
    "UNICODE",
    "SHORT_BINUNICODE",
    "BINUNICODE",
    "BINUNICODE8",
    "EMPTY_TUPLE",
    "TUPLE",
    "TUPLE1",
    "TUPLE2",
    "TUPLE3",
    "EMPTY_LIST",
    "LIST",
    "APPEND",
    "APPENDS",
    "EMPTY_DICT",
    "DICT",
    "SETITEM",
    "SETITEMS",
    "GLOBAL",
    "STACK_GLOBAL",
    "REDUCE",
    "BUILD",
    "GET",
    "BINGET",
    "LONG_BINGET",
    "PUT",
    "BINPUT",
    "LONG_BINPUT",
    "MEMOIZE",
]


class _Refused(Exception):
    """The file asked for a name or a step that no array needs."""


class _Named:
    """One of the names that arrays are written with: `make` is called for it, and nothing else can be done with it."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self.make = make


class _Kind:
    """The number type of an array, while it is read."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype

    def build(self, state: Any) -> None:
        """What NumPy adds to a plain type: its byte order. Fields and sub-arrays are refused."""
        if not isinstance(state, tuple) or len(state) < 5 or any(item is not None for item in state[2:5]):
            raise _Refused("an array of structures")
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """An array, while it is read: its values come after it."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: np.ndarray = np.zeros(0, np.int8)

    def build(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise pickle.UnpicklingError("an array without its parts")
        _, shape, kind, fortran, values = state
        self.values = _laid_out(values, kind, shape, "F" if fortran else "C")


def _laid_out(values: Any, kind: Any, shape: Any, order: str) -> np.ndarray:
    """The array of `values`, bytes or a list of objects, that has exactly as many as its shape says."""
    if not isinstance(kind, _Kind) or not isinstance(shape, tuple) or len(shape) > 8:
        raise pickle.UnpicklingError("an array without its parts")
    if not all(type(count) is int and 0 <= count < 2**40 for count in shape):
        raise pickle.UnpicklingError("a shape that cannot be")
    count = math.prod(shape)
    if kind.dtype.hasobject:
        if not isinstance(values, list) or len(values) != count:
            raise pickle.UnpicklingError("as many objects as its shape says are not there")
        objects = np.empty(count, object)
        for number, value in enumerate(values):
            objects[number] = value
        return objects.reshape(shape, order=order)  # type: ignore[call-overload]
    if isinstance(values, str):
        values = values.encode("latin-1")
    if not isinstance(values, bytes | bytearray) or len(values) != count * kind.dtype.itemsize:
        raise pickle.UnpicklingError("as many bytes as its shape says are not there")
    if not values:
        return np.zeros(shape, kind.dtype)
    return np.frombuffer(bytes(values), kind.dtype).reshape(shape, order=order).copy()  # type: ignore[call-overload]


def _dtype(spec: Any, *_: Any) -> _Kind:
    if not isinstance(spec, str) or not _KIND.fullmatch(spec):
        raise _Refused("an array of an unusual kind")
    result = np.dtype(spec)
    if result.itemsize > LARGEST_ITEM:
        raise _Refused("an array of an unusual kind")
    return _Kind(result)


def _reconstruct(*_: Any) -> _Array:
    return _Array()


def _scalar(kind: Any, value: Any = None, *_: Any) -> Any:
    return _laid_out(value, kind, (1,), "C")[0]


def _frombuffer(values: Any, kind: Any, shape: Any, order: Any, *_: Any) -> _Array:
    result = _Array()
    result.values = _laid_out(values, kind, shape, "F" if order == "F" else "C")
    return result


def _text_bytes(text: Any, encoding: Any = "latin1", *_: Any) -> bytes:
    """How old pickles write bytes; no other codec is let through, some of them unpack to any size."""
    if encoding not in ("latin1", "latin-1") or not isinstance(text, str):
        raise pickle.UnpicklingError("bytes in an unknown encoding")
    return text.encode("latin-1")


def _no_bytes(*values: Any) -> bytes:
    """How old pickles write bytes of no length."""
    if values:
        raise _Refused("bytes")
    return b""


def _never(*_: Any) -> None:
    raise _Refused("an array that NumPy is to make")


_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _never,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _text_bytes,
    ("__builtin__", "bytes"): _no_bytes,
    ("builtins", "bytes"): _no_bytes,
    **{
        (f"numpy.{core}.{module}", name): make
        for core in ("core", "_core")
        for module, name, make in (
            ("multiarray", "_reconstruct", _reconstruct),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _frombuffer),
        )
    },
}


class _ArrayUnpickler(pickle._Unpickler):  # the one in Python: each of its steps can be looked at
    """Runs the steps of `_STEPS` alone, and not more than `MOST_STEPS` of them."""

    stack: list[Any]
    metastack: list[list[Any]]
    pop_mark: Callable[[], list[Any]]

    def read_all(self) -> Any:
        """The value that the program makes."""
        self._unframer = pickle._Unframer(self._file_read, self._file_readline)  # type: ignore[attr-defined]
        self.read, self.readinto = self._unframer.read, self._unframer.readinto
        self.readline = self._unframer.readline
        self.metastack, self.stack, self.proto = [], [], 0
        self.append = self.stack.append
        try:
            for _ in range(MOST_STEPS):
                key = self.read(1)
                if not key:
                    raise EOFError
                step = _DISPATCH.get(key[0])
                if step is None:
                    raise _Refused(f"step {key[0]:#04x}")
                step(self)
        except pickle._Stop as end:  # type: ignore[attr-defined]
            return end.value
        raise pickle.UnpicklingError("it takes too many steps")

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _Named(_ALLOWED[module, name])
        except (KeyError, TypeError):
            raise _Refused(shortened(f"{module}.{name}", 80)) from None

    def _reduce(self) -> None:
        arguments = self.stack.pop()
        named = self.stack[-1]
        if not isinstance(named, _Named) or not isinstance(arguments, tuple):
            raise _Refused("a call of something else than an array")
        self.stack[-1] = named.make(*arguments)

    def _build(self) -> None:
        state = self.stack.pop()
        if not isinstance(self.stack[-1], _Kind | _Array):
            raise _Refused("a state for something else than an array")
        self.stack[-1].build(state)

    def _put_in(self, target: Any, pairs: list[Any]) -> None:
        if type(target) is not dict or len(pairs) % 2:
            raise pickle.UnpicklingError("a value is put into what is no dictionary")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if type(key) not in (str, int, bytes, bool, float):  # hashing tuples in tuples may take for ever
                raise _Refused("a dictionary by something else than names")
            target[key] = value

    def _dict(self) -> None:
        pairs = self.pop_mark()
        self.append({})
        self._put_in(self.stack[-1], pairs)

    def _setitem(self) -> None:
        value = self.stack.pop()
        key = self.stack.pop()
        self._put_in(self.stack[-1], [key, value])

    def _setitems(self) -> None:
        pairs = self.pop_mark()
        self._put_in(self.stack[-1], pairs)

    def _append_one(self) -> None:
        value = self.stack.pop()
        self._list_at_top().append(value)

    def _append_many(self) -> None:
        values = self.pop_mark()
        self._list_at_top().extend(values)

    def _list_at_top(self) -> list[Any]:
        if type(self.stack[-1]) is not list:
            raise pickle.UnpicklingError("a value is put into what is no list")
        return self.stack[-1]

    def _bytearray8(self) -> None:
        length = int.from_bytes(self.read(8), "little")
        if length > LARGEST:
            raise EOFError
        self.append(self.read(length))


_DISPATCH: dict[int, Callable[[Any], None]] = {
    getattr(pickle, name)[0]: pickle._Unpickler.dispatch[getattr(pickle, name)[0]] for name in _STEPS
} | {
    pickle.REDUCE[0]: _ArrayUnpickler._reduce,
    pickle.BUILD[0]: _ArrayUnpickler._build,
    pickle.DICT[0]: _ArrayUnpickler._dict,
    pickle.SETITEM[0]: _ArrayUnpickler._setitem,
    pickle.SETITEMS[0]: _ArrayUnpickler._setitems,
    pickle.APPEND[0]: _ArrayUnpickler._append_one,
    pickle.APPENDS[0]: _ArrayUnpickler._append_many,
    pickle.BYTEARRAY8[0]: _ArrayUnpickler._bytearray8,
}


def read(path: str | os.PathLike[str]) -> Any:
    """What a `.pkl` file holds. Raises UserError where it is damaged, or asks for more than arrays, lists and numbers."""
    path = Path(path)
    data = files.read_bytes(path, LARGEST)
    try:
        result = _ArrayUnpickler(io.BytesIO(data), encoding="latin1").read_all()
        return _plain(result, {}, 0)
    except _Refused as error:
        raise UserError(
            "{name} was not opened.",
            "It holds more than arrays, lists and numbers: it asks for {wanted}, which could run code that came with it.",
            "Ask its author for an .npz or .safetensors file.",
            name=file_names.shown(path.name),
            wanted=str(error),
        ) from error
    except (
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        TypeError,
        AttributeError,
        IndexError,
        KeyError,
        MemoryError,
        OverflowError,
        RecursionError,
        UnicodeError,
        SystemError,
        AssertionError,
        ImportError,
        struct.error,
    ) as error:
        # A damaged pickle is a damaged program: its steps fail in all these ways.
        raise UserError(
            "{name} cannot be read.",
            "It is damaged, or not a pickle of arrays ({reason}).",
            "Copy it again from where it came from.",
            name=file_names.shown(path.name),
            reason=type(error).__name__,
        ) from error


_SCALARS = frozenset((int, float, bool, str, bytes, type(None)))


def _plain(value: Any, known: dict[int, Any], depth: int) -> Any:
    """Arrays, lists, dicts, texts and numbers, each made once however often it is pointed to; all else is refused."""
    if type(value) in _SCALARS or isinstance(value, np.generic):
        return value
    if id(value) in known:
        return known[id(value)][1]
    if depth > DEEPEST or len(known) > MOST_STEPS:
        raise ValueError("nested too deeply")
    made: Any
    if isinstance(value, _Array):
        made = value.values
        if made.dtype.hasobject:
            flat = [_plain(item, known, depth + 1) for item in made.reshape(-1).tolist()]
            made = np.empty(len(flat), object)
            for number, item in enumerate(flat):
                made[number] = item
            made = made.reshape(value.values.shape)
    elif type(value) is dict:
        made = {key: _plain(item, known, depth + 1) for key, item in value.items()}
    elif type(value) in (list, tuple):
        simple = all(type(item) in _SCALARS for item in value)
        made = value if simple else type(value)(_plain(item, known, depth + 1) for item in value)
    elif isinstance(value, bytearray):
        made = bytes(value)
    else:
        raise _Refused("a type alone" if isinstance(value, _Kind | _Named) else type(value).__name__)
    known[id(value)] = (value, made)
    return made
