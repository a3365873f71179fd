"""What the containers of sound claim, held against the file: lengths that are missing or lie, recordings that were joined.

WAV, RF64, AU and CAF say their length once, in a header that whoever died before the end did not come to write; `mended`
gives the bytes that put it right. FLAC, MP3 and Ogg are looked at where they end.
"""

from __future__ import annotations

import io
import os
import re
import struct
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from models import files

MOST_CHUNKS = 1000
LARGEST_32 = 0xFFFF_FF00  # bytes; more than that is not counted in a header of 32 bits
_WINDOW = 1 << 17  # bytes that are looked at in each place of a compressed file
_PROBES = 8  # places at which the numbers of a FLAC's frames are read
_BLOCK_SIZES = {
    1: 192,
    **{n: 576 << (n - 2) for n in range(2, 6)},
    **{n: 256 << (n - 8) for n in range(8, 16)},
}


@dataclass(frozen=True)
class Claim:
    """The stretch of samples in a WAV. claimed: its bytes as the header has them, there: as the file has them.

    start: where it begins, rate: bytes a second. follows: what lies behind the claimed end, ``chunks`` of the container,
    ``sound`` of a recording that was joined, ``samples`` that the header knows nothing of, or nothing.
    """

    claimed: int
    there: int
    start: int
    rate: int
    follows: str = ""
    sizes: int = 0  # where RF64 keeps its sizes of 64 bits


def wav_claim(path: Path) -> Claim | None:
    """What a WAV or RF64 says of its samples; None where it has none."""
    with files.opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        place, rate, sizes, long = 12, 0, 0, -1
        for _ in range(MOST_CHUNKS):
            file.seek(place)
            head = file.read(8)
            if len(head) < 8:
                return None
            name, length = head[:4], int.from_bytes(head[4:], "little")
            if name == b"fmt ":
                values = file.read(16)
                rate = struct.unpack("<I", values[8:12])[0] if len(values) == 16 else 0
            if name == b"ds64":
                sizes, values = place, file.read(16)
                long = int.from_bytes(values[8:], "little") if len(values) == 16 else -1
            if name == b"data":
                start = place + 8
                claimed = long if sizes and length == 0xFFFF_FFFF else length
                follows = _behind(file, start + claimed + claimed % 2, size)
                return Claim(claimed, size - start, start, rate, follows, sizes)
            place += 8 + length + length % 2
    return None


def _behind(file: io.BufferedIOBase | object, place: int, size: int) -> str:
    if size - place < 8:
        return ""
    file.seek(place)  # type: ignore[union-attr]
    head = file.read(8)  # type: ignore[union-attr]
    if head[:4] in (b"RIFF", b"RF64"):
        return "sound"
    length = int.from_bytes(head[4:], "little")
    known = re.fullmatch(rb"[ -~]{3}[ -~\0]", head[:4]) is not None or head[:3] in (b"TAG", b"ID3")
    return (
        "chunks" if (known and place + 8 + length <= size + 1) or head[:3] in (b"TAG", b"ID3") else "samples"
    )


def mended(path: Path, kind: str) -> dict[int, bytes] | None:
    """The bytes by which the header of a WAV, AU or CAF says the length that is there, by their place; None where its
    own length can be taken, or where nothing of it is known."""
    if kind == "wav":
        claim = wav_claim(path)
        if claim is None or claim.there <= 0:
            return None
        if 0 < claim.claimed <= claim.there and claim.follows != "samples":
            return None
        there = struct.pack("<I", min(claim.there, LARGEST_32))
        patches = {
            claim.start - 4: there,
            4: struct.pack("<I", min(claim.there + claim.start - 8, LARGEST_32)),
        }
        if claim.sizes:  # as a plain WAV
            patches |= {0: b"RIFF", claim.sizes: b"JUNK"}
        return patches
    with files.opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if kind == "au":
            head = file.read(12)
            start, claimed = (int.from_bytes(head[a : a + 4], "big") for a in (4, 8))
            known = 0 < claimed <= size - start or claimed == 0xFFFF_FFFF
            return None if known or not 24 <= start < size else {8: b"\xff" * 4}
        place = 8
        for _ in range(MOST_CHUNKS if kind == "caf" else 0):
            file.seek(place)
            head = file.read(12)
            if len(head) < 12:
                return None
            length = int.from_bytes(head[4:], "big", signed=True)
            if head[:4] == b"data":
                left = size - place - 12
                known = 4 < length <= left or left <= 4
                return None if known else {place + 4: left.to_bytes(8, "big")}
            if length < 0:
                return None
            place += 12 + length
    return None


class Mended(io.RawIOBase):
    """A file that reads as if some of its bytes were others. patches: these, by their place."""

    def __init__(self, path: Path, patches: dict[int, bytes]) -> None:
        super().__init__()
        self._file = open(path, "rb")  # noqa: SIM115  closed by `close`
        self._patches = patches

    def readable(self) -> bool:
        """True: it is opened for reading alone."""
        return True

    def seekable(self) -> bool:
        """True: the file below is one on the disk."""
        return True

    def seek(self, place: int, whence: int = 0) -> int:
        """Go to a byte, counted as in `io.IOBase.seek`; returns where that is from the beginning."""
        return self._file.seek(place, whence)

    def tell(self) -> int:
        """The byte that is read next, from the beginning."""
        return self._file.tell()

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill the buffer with what comes next, patched; returns how many bytes that are, 0 at the end."""
        first = self._file.tell()
        data = bytearray(self._file.read(len(buffer)))
        for place, content in self._patches.items():
            for offset, byte in enumerate(content, start=place - first):
                if 0 <= offset < len(data):
                    data[offset] = byte
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close it and the file below."""
        self._file.close()
        super().close()


def flac_in_doubt(path: Path, frames: int) -> bool:
    """Whether the numbers of the frames of a FLAC, read in a few places, do not rise to the `frames` it claims: it was cut
    off, or several were joined."""
    size = path.stat().st_size
    windows: list[list[_Frame]] = []
    with files.opened(path) as file:
        if size <= _PROBES * _WINDOW:  # all of it
            windows = [[frame] for frame in _frames(file.read(size))]
        else:
            for number in range(1, _PROBES + 1):
                file.seek(size * number // _PROBES - _WINDOW)
                windows.append(_frames(file.read(_WINDOW)))
    kinds = Counter(frame.kind for window in windows for frame in window)
    if not kinds:
        return False
    kind = max(kinds, key=lambda kind: kinds[kind])  # others only look like frames
    usual = max(frame.samples for window in windows for frame in window if frame.kind == kind)
    firsts = [
        frame.number * (1 if frame.counts_samples else usual)
        for window in windows
        for frame in [frame for frame in window if frame.kind == kind][-1:]
    ]
    return firsts != sorted(firsts) or firsts[-1] + 2 * usual < frames


@dataclass(frozen=True)
class _Frame:
    """The header of a frame of FLAC: its number (of its first sample where it `counts_samples`), and its samples.

    kind: what all frames of a stream have in common.
    """

    number: int
    samples: int
    counts_samples: bool
    kind: tuple[int, int, int]


def _frames(data: bytes) -> list[_Frame]:
    """The frames whose headers stand in `data` whole, by their sums."""
    starts = (match.start() for match in re.finditer(rb"\xff[\xf8\xf9]", data))
    return [frame for start in starts if (frame := _flac_frame(data[start : start + 16])) is not None]


def _flac_frame(head: bytes) -> _Frame | None:
    """The frame whose header begins `head`; None where its sum is not right. RFC 9639, section 9.1."""
    if len(head) < 16 or head[3] & 1:
        return None
    size, rate = head[2] >> 4, head[2] & 15
    ones = 8 - (head[4] ^ 0xFF).bit_length() if head[4] >= 0x80 else 0
    if size == 0 or rate == 15 or ones == 1 or ones > 7:
        return None
    number, place = head[4] & (0x7F >> ones), 5
    for byte in head[5 : 4 + max(1, ones)]:
        number, place = number << 6 | byte & 0x3F, place + 1
    samples = _BLOCK_SIZES.get(size, 0)
    extra = {6: 1, 7: 2}.get(size, 0)
    if extra:
        samples, place = int.from_bytes(head[place : place + extra], "big") + 1, place + extra
    place += {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if place >= len(head) or _crc8(head[:place]) != head[place]:
        return None
    return _Frame(number, samples, bool(head[1] & 1), (head[1], rate, head[3] & 14))


def _crc8(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ 0x07) & 0xFF if value & 0x80 else value << 1
    return value


def ogg_ends(path: Path) -> bool:
    """Whether the last page of an Ogg that is there says that it is the last."""
    size = path.stat().st_size
    with files.opened(path) as file:
        file.seek(max(0, size - _WINDOW))
        data = file.read(_WINDOW)
    place = data.rfind(b"OggS\0")
    return place < 0 or place + 5 >= len(data) or bool(data[place + 5] & 4)


def ogg_changes(path: Path) -> bool:
    """Whether a stream of another kind begins in an Ogg after its first samples: of such only the first is read."""
    first: set[bytes] = set()
    seen: set[bytes] = set()
    rest, data_seen = b"", False
    with files.opened(path) as file:
        while block := file.read(1 << 20):
            data = rest + block
            for match in re.finditer(
                rb"OggS\0(.).{20}(.)", data[:-80] if len(block) == 1 << 20 else data, re.DOTALL
            ):
                if not match[1][0] & 2:
                    data_seen = True
                    continue
                place = match.end() + match[2][0]
                (seen if data_seen else first).add(data[place : place + 5])
            rest = data[-80:]
    return bool(seen - first)
