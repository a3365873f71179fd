"""One guarded way to open each kind of file that a person or a program of others has made.

What a file claims is checked against what it has before memory is taken for it; the limits stand here and in the
messages. Only `UserError` comes out: what other libraries say about a broken file is for programmers. What a file *is*
goes by its first bytes (`sniff`), not by its ending.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError

from models.errors import UserError

LARGEST_JSON = 64 * 2**20  # bytes of a description, a history, a list of settings
LARGEST_YAML = 2**20  # bytes of settings
MOST_YAML = 20_000  # values of settings, those counted again that an alias repeats
DEEPEST = 50  # lists within lists
LARGEST_UNPACKED = 2 * 2**30  # bytes that a compressed file may grow to, or
MOST_GROWTH = 8  # times its size, where that is more
MOST_ARRAYS = 10_000  # in one file
LARGEST_HEADER = 64 * 2**10  # bytes of the heading of an array
LONGEST_REASON = 200  # characters of what another library says

Model = TypeVar("Model", bound=BaseModel)

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


def read_json(path: str | os.PathLike[str], most: int = LARGEST_JSON) -> Any:
    """The plain values of a JSON file, nested at most `DEEPEST` deep. Raises UserError."""
    return parsed_json(read_bytes(path, most), path)


def parsed_json(text: str | bytes, path: str | os.PathLike[str]) -> Any:
    """The plain values of JSON text from `path`. Raises UserError."""
    try:
        values = json.loads(text.decode("utf-8-sig") if isinstance(text, bytes) else text)
        if depth(values) > DEEPEST:
            raise RecursionError
    except RecursionError as error:
        raise too_deep(path) from error
    except ValueError as error:  # damaged JSON, and text that is not UTF-8
        raise damaged(path, _json_reason(error)) from error
    return values


def depth(values: Any) -> int:
    """How many lists and dicts stand within one another; looks no deeper than a little over `DEEPEST`."""
    layer, count = [values], 0
    while layer and count <= DEEPEST:
        layer = [
            inner
            for item in layer
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
        count += bool(layer)
    return count


def read_model(path: str | os.PathLike[str], kind: type[Model], most: int = LARGEST_JSON) -> Model:
    """A JSON file as a pydantic model. Raises UserError with the first place that is not as it should be."""
    values = read_json(path, most)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise damaged(path, validation_reason(error)) from error


def validation_reason(error: ValidationError) -> str:
    """The first of pydantic's complaints in one line: where, and what."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    return shortened(f"{place}: {first['msg']}" if place else first["msg"])


def read_yaml(path: str | os.PathLike[str]) -> Any:
    """The plain values of a YAML file, as `parsed_yaml`. Raises UserError."""
    return parsed_yaml(read_bytes(path, LARGEST_YAML), path)


def parsed_yaml(text: str | bytes, path: str | os.PathLike[str]) -> Any:
    """The plain values of YAML text from `path`: numbers, text, lists, dicts. Dates stay text. Raises UserError.

    Aliases count as what they repeat: a few lines that stand for billions of values are refused before they are made.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    resolvers = yaml.SafeLoader.yaml_implicit_resolvers
    Loader.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for first, pairs in resolvers.items()
    }
    try:
        loader = Loader(text.decode("utf-8-sig") if isinstance(text, bytes) else text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            count = _yaml_size(node, yaml, {}, set(), 0)
            if count > MOST_YAML:
                raise UserError(
                    "{name} holds too much for settings.",
                    "With its repetitions it has more than {most} values.",
                    "Write the settings without aliases.",
                    name=shown(Path(path).name),
                    most=MOST_YAML,
                )
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except RecursionError as error:
        raise too_deep(path) from error
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, AttributeError, KeyError) as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        reason = (
            f"line {mark.line + 1}: {problem}"
            if mark is not None and problem
            else "it is not text, or damaged"
        )
        raise UserError(
            "{name} cannot be read as YAML.",
            "{reason}.",
            "Mend it, or start from a preset.",
            name=shown(Path(path).name),
            reason=shortened(reason[:1].upper() + reason[1:]),
        ) from error


def _yaml_size(node: Any, yaml: Any, known: dict[int, int], above: set[int], level: int) -> int:
    """Values in a YAML node, those of aliases each time. Raises RecursionError where one contains itself, or too deep."""
    if id(node) in known:
        return known[id(node)]
    if id(node) in above or level > DEEPEST:
        raise RecursionError
    inner: list[Any] = []
    if isinstance(node, yaml.MappingNode):
        inner = [item for pair in node.value for item in pair]
    elif isinstance(node, yaml.SequenceNode):
        inner = node.value
    above.add(id(node))
    count = 1 + sum(_yaml_size(item, yaml, known, above, level + 1) for item in inner)
    above.discard(id(node))
    known[id(node)] = count
    return count


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


WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # of Excel, new and old


def workbook(path: str | os.PathLike[str]) -> UserError:
    return UserError(
        "{name} is no table of text.",
        "It is a workbook, as Excel saves it, or an archive.",
        "Export it as CSV (in Excel: CSV UTF-8).",
        name=shown(Path(path).name),
    )


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


def shown(text: str | os.PathLike[str]) -> str:
    """A file name fit for people, tables and JSON: bytes that are not UTF-8 as �, line breaks as blanks."""
    whole = os.fspath(text)
    if not whole.isascii():
        try:
            whole = os.fsencode(whole).decode("utf-8", "replace")
        except UnicodeEncodeError:  # half an emoji, which no file system gives, but JSON may
            whole = whole.encode("utf-8", "replace").decode("utf-8")
    return "".join(" " if character in "\r\n\t\x0b\x0c\x85\u2028\u2029" else character for character in whole)


def utf8(text: str) -> bytes:
    """Text as bytes that are UTF-8, whatever file names stand in it."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def folder_name(path: str | os.PathLike[str]) -> str:
    """The name of a file without its ending, as that of a folder or the beginning of a file's: one that stays where it is
    put, whatever the file is called (``...wav`` would be the folder above)."""
    stem = shown(Path(path).stem).replace("/", "_").replace("\\", "_").strip()
    return stem if stem.strip(". ") else "recording"


def own_names(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """The `folder_name` of each, numbered where several are called the same: none is written over another."""
    taken: set[str] = set()
    result = []
    for path in paths:
        plain = name = folder_name(path)
        number = 1
        while name.casefold() in taken:
            number += 1
            name = f"{plain} ({number})"
        taken.add(name.casefold())
        result.append(name)
    return result


def shortened(text: object, most: int = LONGEST_REASON) -> str:
    """One line of at most `most` characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


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


def too_deep(path: str | os.PathLike[str]) -> UserError:
    return UserError(
        "{name} cannot be read.",
        "Its values are nested more than {most} deep.",
        "Write it flatter, or copy it again.",
        name=shown(Path(path).name),
        most=DEEPEST,
    )


def too_large(path: str | os.PathLike[str], size: int, most: int) -> UserError:
    return UserError(
        "{name} is too large.",
        "It has {size:.1f} MB, and at most {most:.0f} MB are read of such a file.",
        "Choose another file.",
        name=shown(Path(path).name),
        size=size / 1e6,
        most=most / 1e6,
    )


def no_memory(path: str | os.PathLike[str]) -> UserError:
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


def _json_reason(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not text in UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}: {error.msg}"
    return "it holds a number that is too long"
