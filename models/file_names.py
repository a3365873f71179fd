"""Names of files as people, tables and JSON may have them, and names for files that are to be written."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


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
