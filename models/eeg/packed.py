"""BDF and EDF that are packed with gzip, as SparrKULee distributes them: unpacked beside nothing of the person's, and only
as long as the recording is open."""

from __future__ import annotations

import gzip
import tempfile
import weakref
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from models import file_names, files
from models.eeg.raw_files import open_raw
from models.eeg.recording import Recording
from models.errors import UserError, shortened

PACKED = (".bdf.gz", ".edf.gz")
LARGEST = 64 * 2**30  # bytes of one that is unpacked
BLOCK = 2**22


def open_packed(path: Path) -> Recording:
    """The recording; what was unpacked goes when nothing reads it any more. Raises UserError."""
    folder = tempfile.TemporaryDirectory(prefix="polyphony-")
    kind = path.name.lower().split(".")[-2]
    place = Path(folder.name) / path.name.removesuffix(".gz").removesuffix(".GZ")
    try:
        _unpack(path, place)
        opened = open_raw(place, kind)
    except UserError:
        folder.cleanup()
        raise

    def read(first: int, last: int) -> np.ndarray:
        return opened.read_samples(first, last)

    weakref.finalize(read, folder.cleanup)
    return replace(opened, path=path, read_samples=read)


def _unpack(path: Path, place: Path) -> None:
    try:
        with files.opened(path) as packed, gzip.open(packed) as file, open(place, "wb") as out:
            written = 0
            while block := file.read(BLOCK):
                written += len(block)
                if written > LARGEST:
                    raise files.too_large(path, written, LARGEST)
                out.write(block)
    except (EOFError, ValueError, zlib.error, gzip.BadGzipFile) as error:
        raise files.damaged(path, "it breaks off, or was not packed with gzip") from error
    except OSError as error:
        raise UserError(
            "{name} cannot be unpacked.",
            "{reason}.",
            "Make room on the disk for temporary files, or unpack it yourself.",
            name=file_names.shown(path.name),
            reason=shortened(error.strerror or error),
        ) from error
