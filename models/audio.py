"""Reading sound: any format of libsndfile or FFmpeg, any rate, any number of channels, whole or in blocks.

A length is what was counted, not what a header claims, and nothing is held for it before it is there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from models.errors import UserError
from models.file_names import shown
from models.remarks import Remark, distinct
from models.sound import Sound, open_sound

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
        ".m4a",
        ".m4b",
        ".mp4",
        ".m4v",
        ".mov",
        ".3gp",
        ".aac",
        ".webm",
        ".mkv",
        ".mka",
        ".wma",
        ".amr",
    ]
)
ABSURD = 1e12  # full scale is 1, or 2³¹ in files that count in whole numbers
BLOCK = 1 << 20  # samples of one channel that are read at once
SILENT_POWER = 1e-8  # mean square below which nothing can be told of a stretch (−80 dB)
PIECE = 8192  # samples in which it is looked whether channels cancel one another
PIECES = 0.1  # share of them in which they have to
CANCELLED = 0.01  # of the channels' power: less is left of it where they are opposite in phase (−20 dB)
MOST_IN_MEMORY_S = 4 * 3600.0  # one hour of mono float32 at 16 kHz is 230 MB


@dataclass(frozen=True)
class AudioInfo:
    """What a file holds. `frames` counts samples of one channel. remarks: what its container says wrongly."""

    duration_s: float
    sample_rate: int
    channels: int
    frames: int
    format: str
    remarks: tuple[Remark, ...] = ()


def info(path: str | os.PathLike[str]) -> AudioInfo:
    """The header of a sound file, its length counted where it cannot be believed. Raises UserError."""
    with contextlib.closing(open_sound(path)) as file:
        return AudioInfo(
            duration_s=file.frames / file.samplerate,
            sample_rate=file.samplerate,
            channels=file.channels,
            frames=file.frames,
            format=file.format,
            remarks=file.remarks,
        )


def remarks(path: str | os.PathLike[str]) -> tuple[Remark, ...]:
    """What a person should know about how a file is heard in mono: lengths, tracks, channels. Raises UserError.

    The first minute is listened to.
    """
    with contextlib.closing(open_sound(path)) as file:
        fold, lacking = _Fold(file.channels), 0
        for _ in range(6):
            block = file.read(10 * file.samplerate)
            if not len(block):
                break
            lacking += block.size - int(np.isfinite(block).sum())
            fold.mono(_finite(block))
        result = [
            Remark("{count} of its samples are no numbers; they were taken for silence.", count=lacking)
        ]
        return distinct((*file.remarks, *fold.remarks, *(result if lacking else [])))


def named_remarks(paths: Iterable[str | os.PathLike[str]]) -> tuple[Remark, ...]:
    """The `remarks` of several files, each with the file's name; what cannot be read is told where it is read."""
    result: list[Remark] = []
    for path in paths:
        with contextlib.suppress(UserError):
            result += [
                Remark("{name}: {reason}", name=shown(Path(path).name), reason=remark)
                for remark in remarks(path)
            ]
    return tuple(result)


def read(path: str | os.PathLike[str], sample_rate: int = 16_000, mono: bool = True) -> np.ndarray:
    """The whole sound, float32: [samples] if `mono` (mean of the channels), else [samples, channels].

    Values are as stored, full scale ±1, nothing clipped. Raises UserError for what cannot be read, for a file
    without a single sample, and for one too long to hold in memory.
    """
    with contextlib.closing(open_sound(path)) as file:
        samples = _joined(file, path, None, mono)
        rate = file.samplerate
    return resample(samples, rate, sample_rate)


def read_part(
    path: str | os.PathLike[str], start_s: float, end_s: float | None, sample_rate: int = 16_000
) -> np.ndarray:
    """The mono stretch from `start_s` to `end_s` (None: to the end), float32 [samples]."""
    with contextlib.closing(open_sound(path)) as file:
        rate = file.samplerate
        first = min(file.frames, max(0, round(start_s * rate)))
        last = None if end_s is None else round(end_s * rate)
        if first:
            file.seek(first)
        samples = _joined(file, path, None if last is None else max(0, last - first), mono=True)
    return resample(samples, rate, sample_rate)


def blocks(
    path: str | os.PathLike[str], sample_rate: int = 16_000, block_s: float = 30.0
) -> Iterator[np.ndarray]:
    """The mono sound in consecutive blocks of about `block_s`, float32 [samples], in bounded memory.

    Resampling runs on across the blocks, so joined together they are what `read` gives (to rounding).
    """
    with contextlib.closing(open_sound(path)) as file:
        stream = None
        if file.samplerate != sample_rate:
            stream = soxr.ResampleStream(file.samplerate, sample_rate, 1, dtype="float32", quality="HQ")
        size = max(1, round(block_s * file.samplerate))
        fold = _Fold(file.channels)
        block = file.read(size)
        while len(block):
            following = file.read(size)
            mono = fold.mono(_finite(block))
            yield mono if stream is None else stream.resample_chunk(mono, last=not len(following))
            block = following


def raw_blocks(path: str | os.PathLike[str], frames: int = 262_144) -> Iterator[np.ndarray]:
    """The sound as stored, in consecutive blocks of at most `frames`, float32 [frames, channels]."""
    with contextlib.closing(open_sound(path)) as file:
        block = file.read(frames)
        while len(block):
            yield _finite(block)
            block = file.read(frames)


class _Fold:
    """Many channels to one: their mean, or the loudest where they cancel one another, as a miswired cable makes them.

    Once they do, the loudest is kept.
    """

    def __init__(self, channels: int) -> None:
        self.remarks: tuple[Remark, ...] = ()
        if channels > 2:
            self.remarks = (Remark("Its {count} channels were averaged.", count=channels),)
        self._channel: int | None = None

    def mono(self, block: np.ndarray) -> np.ndarray:
        """float32 [n] of [n, channels]."""
        if block.shape[1] == 1:
            return block[:, 0]
        mean = block.mean(axis=1)
        if self._channel is None:
            self._channel = _loudest_where_cancelled(block, mean)
            if self._channel is not None:
                self.remarks = (
                    Remark(
                        "Its channels are opposite in phase and would cancel one another; channel {channel} alone was heard.",
                        channel=self._channel + 1,
                    ),
                )
        return mean if self._channel is None else np.ascontiguousarray(block[:, self._channel])


def _loudest_where_cancelled(block: np.ndarray, mean: np.ndarray) -> int | None:
    """The loudest channel of [n, channels], where in a tenth of what is not silent next to nothing is left of their `mean`.

    Constant offsets count for nothing: they are heard by nobody, and two of one sign would hide that the rest is opposite.
    """
    cancelled, loud, powers = 0, 0, np.zeros(block.shape[1])
    for start in range(0, len(block), PIECE):
        piece, left = (part[start : start + PIECE].astype(np.float64) for part in (block, mean))
        power, rest = np.square(piece - piece.mean(axis=0)).mean(axis=0), np.square(left - left.mean()).mean()
        if power.max(initial=0.0) > SILENT_POWER:
            loud += 1
            cancelled += bool(rest < CANCELLED * power.mean())
            powers += power
    return int(powers.argmax()) if cancelled and cancelled >= PIECES * loud else None


def _joined(file: Sound, path: str | os.PathLike[str], most: int | None, mono: bool) -> np.ndarray:
    """The next `most` samples (None: all that are left), read bit by bit: no memory is taken for what a header claims."""
    fold, parts, count = _Fold(file.channels), [], 0
    limit = round(MOST_IN_MEMORY_S * file.samplerate)
    while most is None or count < most:
        block = file.read(BLOCK if most is None else min(BLOCK, most - count))
        if not len(block):
            break
        count += len(block)
        if count > limit:
            raise _too_long(path, max(file.frames, count) / file.samplerate)
        block = _finite(block)
        parts.append(block)
    if not count:
        raise _no_sound(path)
    samples = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return fold.mono(samples) if mono else samples


def _finite(block: np.ndarray) -> np.ndarray:
    """Without what is no number, and without numbers that no sound has and that would overflow in a sum."""
    if np.isfinite(block).all() and (not block.size or float(np.abs(block).max()) < ABSURD):
        return block
    return np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0).clip(-ABSURD, ABSURD)


def resample(samples: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """`samples` ([n] or [n, channels]) at another rate, by soxr at high quality, float32."""
    if rate == new_rate:
        return samples.astype(np.float32, copy=False)
    return soxr.resample(samples, rate, new_rate, quality="HQ").astype(np.float32, copy=False)


def find_audio(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """The sound files among `paths`, folders searched to the bottom; hidden ones are left out.

    A file that was named itself is kept whatever its suffix, so that opening it can say what is wrong.
    """
    result: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            result.append(path)
            continue
        for folder, folders, names in os.walk(path, onerror=_refuse_folder if _unreadable(path) else None):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            result.extend(
                Path(folder, name)
                for name in sorted(names)
                if not name.startswith(".") and Path(name).suffix.lower() in AUDIO_SUFFIXES
            )
    return list(dict.fromkeys(result))


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


def _too_long(path: str | os.PathLike[str], seconds: float) -> UserError:
    return UserError(
        "{name} is too long to read at once.",
        "It lasts {hours:.1f} hours.",
        "Cut it into parts of at most four hours.",
        name=shown(Path(path).name),
        hours=seconds / 3600,
    )


def _no_sound(path: str | os.PathLike[str]) -> UserError:
    return UserError(
        "{name} holds no sound.",
        "Its length is 0 samples.",
        "Record or export it again.",
        name=shown(Path(path).name),
    )
