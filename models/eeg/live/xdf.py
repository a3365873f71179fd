"""Writing XDF, the format of the lab streaming layer's own recorder, chunk by chunk: what was written survives a crash.

Layout (xdf specification 1.0): "XDF:", then chunks of [bytes of the length, length, tag, content]. Tags: 1 header of the
file, 2 of a stream, 3 samples, 6 footer of a stream.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import escape

import numpy as np

from models.checkpoint import cannot_write

HEADER, STREAM, SAMPLES, FOOTER = 1, 2, 3, 6
MARKERS = "Polyphony markers"


class XdfWriter:
    """Streams are added first, then samples and markers come in any order. Raises UserError where nothing can be written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._counts: dict[int, tuple[int, float, float]] = {}
        try:
            self._file: BinaryIO | None = open(path, "wb")  # noqa: SIM115  it is closed by `close`
        except OSError as error:
            raise cannot_write(path, error) from error
        self._write(b"XDF:")
        self._chunk(HEADER, b'<?xml version="1.0"?><info><version>1.0</version></info>')
        self._markers = self.add(MARKERS, "Markers", ("marker",), 0.0, "string")

    def add(
        self,
        name: str,
        kind: str,
        channels: Sequence[str],
        rate: float,
        form: str = "float32",
        unit: str = "",
    ) -> int:
        """A stream's number."""
        number = len(self._counts) + 1
        self._counts[number] = (0, 0.0, 0.0)
        described = "".join(
            f"<channel><label>{escape(label)}</label><unit>{escape(unit)}</unit><type>{escape(kind)}</type></channel>"
            for label in channels
        )
        self._chunk(
            STREAM,
            struct.pack("<I", number)
            + (
                f'<?xml version="1.0"?><info><name>{escape(name)}</name><type>{escape(kind)}</type>'
                f"<channel_count>{len(channels)}</channel_count><nominal_srate>{rate:g}</nominal_srate>"
                f"<channel_format>{form}</channel_format><source_id>polyphony-{number}</source_id>"
                f"<desc><channels>{described}</channels></desc></info>"
            ).encode(),
        )
        return number

    def samples(self, number: int, block: np.ndarray, first_s: float, rate: float) -> None:
        """float32 [n, channels], the first taken at `first_s`; the others have no time of their own and follow at the rate."""
        if not len(block):
            return
        values = np.ascontiguousarray(block, "<f4")
        rows = [b"\x08" + struct.pack("<d", first_s) + values[0].tobytes()]
        rows += [b"\0" + row.tobytes() for row in values[1:]]
        self._samples(number, len(values), b"".join(rows), first_s, first_s + (len(values) - 1) / rate)

    def mark(self, text: str, time_s: float) -> None:
        """A marker at a moment of the layer's clock."""
        raw = text.encode()
        self._samples(
            self._markers, 1, b"\x08" + struct.pack("<d", time_s) + _length(len(raw)) + raw, time_s, time_s
        )

    def close(self) -> None:
        """Writes the footers; a file without them is read as well."""
        if self._file is None:
            return
        for number, (count, first, last) in self._counts.items():
            text = (
                f'<?xml version="1.0"?><info><first_timestamp>{first:.9f}</first_timestamp>'
                f"<last_timestamp>{last:.9f}</last_timestamp><sample_count>{count}</sample_count></info>"
            )
            self._chunk(FOOTER, struct.pack("<I", number) + text.encode())
        self._file.close()
        self._file = None

    def _samples(self, number: int, count: int, rows: bytes, first: float, last: float) -> None:
        before, begun, _ = self._counts[number]
        self._counts[number] = (before + count, begun if before else first, last)
        self._chunk(SAMPLES, struct.pack("<I", number) + _length(count) + rows)

    def _chunk(self, tag: int, content: bytes) -> None:
        self._write(_length(len(content) + 2) + struct.pack("<H", tag) + content)

    def _write(self, data: bytes) -> None:
        if self._file is None:
            return
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            self._file.close()
            self._file = None
            raise cannot_write(self.path, error) from error


def _length(value: int) -> bytes:
    """XDF's number of variable length."""
    if value < 256:
        return b"\x01" + struct.pack("<B", value)
    return b"\x04" + struct.pack("<I", value) if value < 2**32 else b"\x08" + struct.pack("<Q", value)
