"""Mutants of files: bytes turned, cut, moved and written over, and the structures of containers changed from within.

Everything follows from the number of a mutant, so that each one that went wrong can be made again.
"""

from __future__ import annotations

import io
import json
import random
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

NUMBERS = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFFF,
    2**63 - 1,
    2**64 - 1,
)
TEXTS = ("", "NaN", "-1", "1e400", "99999999999999999999", "1,5", "x" * 5000, "\ud83d".encode("utf-8", "replace").decode(),
         "äöü愤怒", "../../../etc/passwd", "<b>&amp;", "\n", "2024-13-45", "&a *a", "{", "[")  # fmt: skip
VALUES: tuple[Any, ...] = (
    None,
    [],
    {},
    "",
    "x",
    -1,
    0,
    1.5,
    1e300,
    10**40,
    True,
    [[]],
    {"a": []},
    "1e9",
    ["a"] * 50,
    "\ud83d",
)
DEEP = 3000


def mutant(data: bytes, kind: str, number: int) -> bytes:
    """A changed copy of `data`; kind: how it is built, as `KINDS` has it, or anything else for bytes alone."""
    chance = random.Random(number)
    structured = KINDS.get(kind)
    if structured is not None and chance.random() < 0.6:
        try:
            return structured(data, chance)
        except (ValueError, KeyError, IndexError, zipfile.BadZipFile, sqlite3.Error, UnicodeError, EOFError):
            pass
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        data = chance.choice(BYTES)(data, chance)
    return data


def _turned(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    head = chance.random() < 0.6
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        if changed:
            changed[chance.randrange(min(len(changed), 300) if head else len(changed))] ^= (
                1 << chance.randrange(8)
            )
    return bytes(changed)


def _written_over(data: bytes, chance: random.Random) -> bytes:
    size = chance.choice((1, 2, 4, 8))
    place = chance.randrange(max(1, min(len(data), chance.choice((64, 512, len(data) or 1)))))
    value = (chance.choice(NUMBERS) % 256**size).to_bytes(size, chance.choice(("little", "big")))
    return data[:place] + value + data[place + size :]


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _doubled(data: bytes, chance: random.Random) -> bytes:
    a, b = sorted((chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)))
    return data[:b] + data[a:b] * chance.choice((1, 1, 3)) + data[b:]


def _taken_out(data: bytes, chance: random.Random) -> bytes:
    a = chance.randrange(len(data) + 1)
    return data[:a] + data[a + chance.choice((1, 2, 16, 200)) :]


def _put_in(data: bytes, chance: random.Random) -> bytes:
    a = chance.randrange(len(data) + 1)
    return data[:a] + chance.randbytes(chance.choice((1, 4, 64))) + data[a:]


def _zeroed(data: bytes, chance: random.Random) -> bytes:
    a = chance.randrange(len(data) + 1)
    return data[:a] + chance.choice((b"\0", b"\xff")) * len(data[a : a + 256]) + data[a + 256 :]


def _figures(data: bytes, chance: random.Random) -> bytes:
    """A number in ASCII, as the headers of EDF and NPY have it, becomes another one."""
    result = list(re.finditer(rb"\d+", data[:20_000]))
    if not result:
        return data
    match = chance.choice(result)
    value = chance.choice((b"0", b"-1", b"1", b"99999999", b"1e999", b"nan", b"3000000000", b"x"))
    if chance.random() < 0.7:
        value = value[: len(match[0])].ljust(len(match[0]))
    return data[: match.start()] + value + data[match.end() :]


BYTES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _turned, _turned, _written_over, _written_over, _cut, _doubled, _taken_out, _put_in, _zeroed, _figures,
)  # fmt: skip


# Containers, from within


def _json(data: bytes, chance: random.Random) -> bytes:
    values = json.loads(data)
    return json.dumps(_changed(values, chance)).encode()


def _changed(values: Any, chance: random.Random) -> Any:
    places: list[tuple[Any, Any]] = []
    waiting = [values]
    while waiting and len(places) < 5000:
        container = waiting.pop()
        pairs = (
            container.items()
            if isinstance(container, dict)
            else enumerate(container)
            if isinstance(container, list)
            else ()
        )
        for key, inner in pairs:
            places.append((container, key))
            waiting.append(inner)
    for _ in range(chance.choice((1, 1, 1, 3))):
        if not places:
            return chance.choice(VALUES)
        holder, key = chance.choice(places)
        act = chance.random()
        if act < 0.15 and isinstance(holder, dict):
            holder.pop(key, None)
        elif act < 0.25 and isinstance(holder, dict):
            holder[chance.choice(TEXTS)] = chance.choice(VALUES)
        elif act < 0.3:
            deep: Any = 0
            for _ in range(900):
                deep = [deep]
            _set(holder, key, deep)
        elif act < 0.5 and isinstance(_get(holder, key), int | float):
            _set(holder, key, chance.choice((-1, 0, 10**6, 10**12, 1e30, 0.5, -1e-30, 2**31, 2**63)))
        else:
            _set(holder, key, chance.choice(VALUES))
    return values


def _get(holder: Any, key: Any) -> Any:
    try:
        return holder[key]
    except (KeyError, IndexError):
        return None


def _set(holder: Any, key: Any, value: Any) -> None:
    if isinstance(holder, dict) or (isinstance(key, int) and key < len(holder)):
        holder[key] = value


def _lines(data: bytes, chance: random.Random) -> bytes:
    """Tables, YAML, JSON lines: cells and lines of text."""
    lines = data.decode("utf-8", "replace").split("\n")
    for _ in range(chance.choice((1, 1, 2, 5))):
        place = chance.randrange(len(lines))
        act = chance.randrange(7)
        if act == 0:
            lines.insert(place, lines[chance.randrange(len(lines))])
        elif act == 1:
            lines[place] = lines[place].replace(
                chance.choice((",", ":", " ", '"')), chance.choice((";", ",,", "\t", "", "\0", ": :"))
            )
        elif act == 2:
            del lines[place]
            lines = lines or [""]
        elif act == 3:
            lines[place] += chance.choice(TEXTS)
        elif act == 4:
            lines[place] = chance.choice(("[", "{", "- ", '{"a":', "? ")) * DEEP
        else:
            cells = re.split(r"([,:;\s])", lines[place])
            cells[chance.randrange(len(cells))] = chance.choice(TEXTS)
            lines[place] = "".join(cells)
    return "\n".join(lines).encode("utf-8", chance.choice(("replace", "surrogatepass")))


def _zip(data: bytes, chance: random.Random) -> bytes:
    """One member changed, and the archive's own sums right again."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice(list(members))
    if chance.random() < 0.15:
        members[chance.choice((name + "x", "../" + name, "a/" * 200))] = members.pop(name)
    else:
        members[name] = chance.choice(BYTES)(members[name], chance)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


def _png(data: bytes, chance: random.Random) -> bytes:
    """One chunk changed, its sum right again; pixels are unpacked and packed anew."""
    made, place, chunks = data[:8], 8, []
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        chunks.append([data[place + 4 : place + 8], data[place + 8 : place + 8 + length]])
        place += 12 + length
    chosen = chance.choice(chunks)
    if chosen[0] == b"IDAT" and chance.random() < 0.5:
        chosen[1] = zlib.compress(chance.choice(BYTES)(zlib.decompress(chosen[1]), chance))
    else:
        chosen[1] = chance.choice(BYTES)(chosen[1], chance)
    for kind, content in chunks:
        made += (
            len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")
        )
    return made


def _safetensors(data: bytes, chance: random.Random) -> bytes:
    length = int.from_bytes(data[:8], "little")
    head = json.dumps(_changed(json.loads(data[8 : 8 + length]), chance)).encode()
    return len(head).to_bytes(8, "little") + head + data[8 + length :]


def _sqlite(data: bytes, chance: random.Random) -> bytes:
    base = sqlite3.connect(":memory:")
    base.deserialize(data)
    table = chance.choice(("meta", "items", "captions", "roots"))
    columns = [row[1] for row in base.execute(f"PRAGMA table_info({table})")]
    value = chance.choice((None, -1, 0, 2**62, "x", b"\xff\xfe", 1.5, "[" * 2000, "", "{}", "x" * 10_000))
    keep = "" if chance.random() < 0.5 else f" WHERE rowid % {chance.choice((2, 3, 5))} = 0"
    base.execute(f"UPDATE OR IGNORE {table} SET {chance.choice(columns)} = ?{keep}", (value,))
    if chance.random() < 0.2:
        base.execute(f"DROP TABLE {chance.choice(('meta', 'items', 'captions', 'roots'))}")
    base.commit()
    return base.serialize()


KINDS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    ".json": _json, ".csv": _lines, ".jsonl": _lines, ".yaml": _lines, ".vhdr": _lines, ".npz": _zip, ".pth": _zip,
    ".png": _png, ".safetensors": _safetensors, ".sqlite": _sqlite,
}  # fmt: skip


def kind_of(path: Path) -> str:
    return path.suffix.lower()
