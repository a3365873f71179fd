"""Reading sound: any format of libsndfile, any rate, any number of channels, whole or in blocks."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from models.errors import UserError

AUDIO_SUFFIXES = frozenset(
    [
        ".wav",
        ".flac",
        ".ogg",
        ".oga",
        ".opus",
        ".mp3",
        ".aif",
        ".aiff",
        ".aifc",
        ".au",
        ".snd",
        ".caf",
        ".w64",
        ".rf64",
        ".sph",
        ".nist",
        ".voc",
        ".paf",
    ]
)
MOST_IN_MEMORY_S = 4 * 3600.0  # one hour of mono float32 at 16 kHz is 230 MB


@dataclass(frozen=True)
class AudioInfo:
    """What a file's header says. `frames` counts samples of one channel."""

    duration_s: float
    sample_rate: int
    channels: int
    frames: int
    format: str


def info(path: str | os.PathLike[str]) -> AudioInfo:
    """The header of a sound file. Raises UserError where there is none to read."""
    with _opened(path) as file:
        return AudioInfo(
            duration_s=file.frames / file.samplerate,
            sample_rate=file.samplerate,
            channels=file.channels,
            frames=file.frames,
            format=file.format,
        )


def read(path: str | os.PathLike[str], sample_rate: int = 16_000, mono: bool = True) -> np.ndarray:
    """The whole sound, float32: [samples] if `mono` (mean of the channels), else [samples, channels].

    Values are as stored, full scale ±1, nothing clipped. Raises UserError for what cannot be read, for a file
    without a single sample, and for one too long to hold in memory.
    """
    with _opened(path) as file:
        if file.frames / file.samplerate > MOST_IN_MEMORY_S:
            raise UserError(
                "{name} is too long to read at once.",
                "It lasts {hours:.1f} hours.",
                "Cut it into parts of at most four hours.",
                name=Path(path).name,
                hours=file.frames / file.samplerate / 3600,
            )
        samples = _read_frames(file, path, -1, mono)
        rate = file.samplerate
    if not len(samples):
        raise _no_sound(path)
    return resample(samples, rate, sample_rate)


def read_part(
    path: str | os.PathLike[str], start_s: float, end_s: float | None, sample_rate: int = 16_000
) -> np.ndarray:
    """The mono stretch from `start_s` to `end_s` (None: to the end), float32 [samples]."""
    with _opened(path) as file:
        first = min(file.frames, max(0, round(start_s * file.samplerate)))
        last = file.frames if end_s is None else min(file.frames, round(end_s * file.samplerate))
        file.seek(first)
        samples = _read_frames(file, path, max(0, last - first), mono=True)
        rate = file.samplerate
    if not len(samples):
        raise _no_sound(path)
    return resample(samples, rate, sample_rate)


def blocks(
    path: str | os.PathLike[str], sample_rate: int = 16_000, block_s: float = 30.0
) -> Iterator[np.ndarray]:
    """The mono sound in consecutive blocks of about `block_s`, float32 [samples], in bounded memory.

    Resampling runs on across the blocks, so joined together they are what `read` gives (to rounding).
    """
    with _opened(path) as file:
        stream = None
        if file.samplerate != sample_rate:
            stream = soxr.ResampleStream(file.samplerate, sample_rate, 1, dtype="float32", quality="HQ")
        size = max(1, round(block_s * file.samplerate))
        left = file.frames
        while left > 0:
            block = _read_frames(file, path, min(size, left), mono=True)
            left -= size
            if not len(block):
                break
            yield block if stream is None else stream.resample_chunk(block, last=left <= 0)


def raw_blocks(path: str | os.PathLike[str], frames: int = 262_144) -> Iterator[np.ndarray]:
    """The sound as stored, in consecutive blocks of at most `frames`, float32 [frames, channels]."""
    with _opened(path) as file:
        left = file.frames
        while left > 0:
            block = _read_frames(file, path, min(frames, left), mono=False)
            left -= len(block)
            if not len(block):
                break
            yield block


def resample(samples: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """`samples` ([n] or [n, channels]) at another rate, by soxr at high quality, float32."""
    if rate == new_rate:
        return samples.astype(np.float32, copy=False)
    return soxr.resample(samples, rate, new_rate, quality="HQ").astype(np.float32, copy=False)


def find_audio(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """The sound files among `paths`, folders searched to the bottom; hidden ones are left out.

    A file that was named itself is kept whatever its suffix, so that opening it can say what is wrong.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            found.append(path)
            continue
        for folder, folders, names in os.walk(path, onerror=_refuse_folder if _unreadable(path) else None):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            found.extend(
                Path(folder, name)
                for name in sorted(names)
                if not name.startswith(".") and Path(name).suffix.lower() in AUDIO_SUFFIXES
            )
    return list(dict.fromkeys(found))


def _unreadable(folder: Path) -> bool:
    try:
        os.listdir(folder)
    except OSError:
        return True
    return False


def _refuse_folder(error: OSError) -> None:
    raise UserError(
        "The folder {name} cannot be read.",
        "{reason}.",
        "Check its permissions, or choose another folder.",
        name=error.filename,
        reason=error.strerror or str(error),
    ) from error


def _opened(path: str | os.PathLike[str]) -> soundfile.SoundFile:
    path = Path(path)
    name = path.name
    if path.is_dir():
        raise UserError(
            "{name} is a folder.", "A sound file was expected.", "Choose a file in it.", name=name
        )
    if not path.exists():
        raise UserError(
            "{name} was not found.", "It may have been moved or deleted.", "Choose it again.", name=name
        )
    try:
        if path.stat().st_size == 0:
            raise UserError(
                "{name} is empty.", "The file has no bytes.", "Record or copy it again.", name=name
            )
        with open(path, "rb"):  # tells a missing permission from a broken file
            pass
        return soundfile.SoundFile(path)
    except OSError as error:
        raise UserError(
            "{name} cannot be opened.",
            "{reason}.",
            "Check its permissions.",
            name=name,
            reason=error.strerror or str(error),
        ) from error
    except (soundfile.LibsndfileError, RuntimeError, TypeError) as error:
        raise UserError(
            "{name} is not a sound file that can be read.",
            "Its contents are not WAV, FLAC, OGG, MP3, AIFF or another known format, or its header is damaged.",
            "Convert it to WAV or FLAC, or choose another file.",
            name=name,
        ) from error


def _read_frames(
    file: soundfile.SoundFile, path: str | os.PathLike[str], frames: int, mono: bool
) -> np.ndarray:
    try:
        samples = file.read(frames, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, MemoryError) as error:
        raise UserError(
            "{name} breaks off while it is read.",
            "The file is damaged or was not copied to its end.",
            "Copy it again, or convert what is left of it.",
            name=Path(path).name,
        ) from error
    if not np.isfinite(samples).all():
        samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
    if mono:
        return samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)
    return samples


def _no_sound(path: str | os.PathLike[str]) -> UserError:
    return UserError(
        "{name} holds no sound.",
        "Its length is 0 samples.",
        "Record or export it again.",
        name=Path(path).name,
    )
