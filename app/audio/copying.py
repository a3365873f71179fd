"""Writing a sound file, or a stretch of it, to another place and format; a block at a time, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path

import numpy as np
import soundfile

from models import audio
from models.checkpoint import cannot_write
from models.errors import UserError
from models.progress import Progress

BLOCK = 1 << 18  # frames
MOST_WAV_BYTES = 2**32 - 4096  # beyond it, RF64: a WAV file counts its bytes in 32 bits
FORMATS = (".wav", ".flac")


def copy_sound(
    source: Path,
    target: Path,
    first_s: float = 0.0,
    last_s: float | None = None,
    progress: Progress | None = None,
) -> int:
    """Copy the stretch (`last_s` None: to the end) with its rate and channels; ``.flac`` or else WAV, by `target`'s name.

    Returns how many samples lay above full scale and had to be cut, as FLAC holds none that do; a WAV file that was
    floating-point stays so. Raises UserError where source or target fail, Cancelled if asked to stop; then `target` is as
    it was.
    """
    progress = progress or Progress()
    header = audio.info(source)
    if target.exists() and os.path.samefile(source, target):
        raise UserError(
            "{name} cannot be written onto itself.",
            "It is the file that is shown.",
            "Choose another name or folder.",
            name=target.name,
        )
    first = min(header.frames, max(0, round(first_s * header.sample_rate)))
    last = header.frames if last_s is None else min(header.frames, round(last_s * header.sample_rate))
    aside = target.with_name(f".{target.stem[:40]}-{uuid.uuid4().hex[:8]}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with soundfile.SoundFile(source) as reading:
            kind, subtype = _kind(target, reading, last - first)
            with soundfile.SoundFile(
                aside, "w", header.sample_rate, header.channels, format=kind, subtype=subtype
            ) as writing:
                reading.seek(first)
                cut = _copy(
                    reading, writing, last - first, subtype not in ("FLOAT", "DOUBLE"), progress, target
                )
        os.replace(aside, target)
    except OSError as error:
        raise cannot_write(target, error) from error
    except soundfile.LibsndfileError as error:
        raise cannot_write(target, OSError(5, str(error))) from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
    return cut


def _copy(
    reading: soundfile.SoundFile,
    writing: soundfile.SoundFile,
    frames: int,
    bounded: bool,
    progress: Progress,
    target: Path,
) -> int:
    done = cut = 0
    while done < frames:
        progress.update(done, frames, "Writing {name}", name=target.name)
        sound = reading.read(min(BLOCK, frames - done), dtype="float64", always_2d=True)
        if not len(sound):
            break
        done += len(sound)
        if bounded:
            cut += int(np.count_nonzero(np.abs(sound) > 1.0))
            sound = np.clip(sound, -1.0, 1.0)
        writing.write(sound)
    return cut


def _kind(target: Path, reading: soundfile.SoundFile, frames: int) -> tuple[str, str]:
    """(format, sample format) that hold what the source has."""
    if target.suffix.lower() == ".flac":
        return "FLAC", "PCM_16" if reading.subtype in ("PCM_16", "PCM_S8", "PCM_U8") else "PCM_24"
    pcm = {"PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}
    subtype = (
        reading.subtype if reading.subtype in pcm else "PCM_16" if reading.subtype == "PCM_S8" else "FLOAT"
    )
    size = frames * reading.channels * pcm[subtype]
    return ("RF64" if size > MOST_WAV_BYTES else "WAV"), subtype
