"""Opened sound files: libsndfile where it reads a file rightly, FFmpeg (by PyAV, in process) for the rest.

FFmpeg reads M4A, MP4, MOV, WebM, AAC, WMA and AMR, and those files whose container does not say, or says wrongly, how
long they are: a WAV whose recorder died, FLAC from a pipe, MP3 without a Xing header, Ogg streams that were joined. A
length is never believed where it can be counted, and no memory is taken for it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile

from models import file_names, files
from models.containers import (
    LARGEST_32,
    Mended,
    flac_in_doubt,
    mended,
    ogg_changes,
    ogg_ends,
    wav_claim,
)
from models.errors import UserError, shortened
from models.ffmpeg import (
    MOST_CHANNELS,
    RATES,
    FFmpegSound,
    breaks_off,
    broken_off,
    counted_seconds,
    not_a_sound,
)
from models.remarks import Remark

FFMPEG_KINDS = frozenset({"mp4", "matroska", "asf", "amr", "aac"})
TRUSTED_GROWTH = (
    40  # a header that claims more 16-bit samples than so many times the file's bytes is not believed
)
MOST_CLAIMED_S = 1e6  # a header that claims more than eleven days says nothing
FAR_OVER = 16.0  # times full scale; no clipping goes so far
PEEK_S = 10  # in which the scale of fractions is found


class Sound(Protocol):
    """An opened sound file. frames: samples of one channel, counted or as the header says; it may hold fewer.

    remarks: what its container says wrongly, and what was done about it.
    """

    samplerate: int
    channels: int
    frames: int
    format: str
    remarks: tuple[Remark, ...]

    def read(self, frames: int) -> np.ndarray:
        """float32 [n, channels] of the next at most `frames`; none at the end. Raises UserError where it breaks off."""
        ...

    def seek(self, frame: int) -> None:
        """Go to a sample of each channel, counted from 0, which `read` gives next. Raises UserError where it cannot be reached."""
        ...

    def close(self) -> None:
        """Close the file; it may be called twice."""
        ...


def open_sound(path: str | os.PathLike[str]) -> Sound:
    """The sound in a file, to be closed. Raises UserError where there is none that can be read."""
    path = Path(path)
    _check(path)
    kind = files.sniff(path)
    if kind == "lfs":
        raise UserError(
            "{name} is only a pointer to the sound.",
            "The data set was copied with git, without Git LFS.",
            "Run `git lfs pull` in it, or download it again.",
            name=file_names.shown(path.name),
        )
    if kind in FFMPEG_KINDS:
        return FFmpegSound(path)
    patches = mended(path, kind) if kind in {"wav", "au", "caf"} else None
    if patches is not None:
        try:
            sound = SndfileSound(path, patches)
        except UserError:
            return _plain_sound(path, kind)
        sound.remarks += _of_wav(path) if kind == "wav" else (_LENGTH,)
        return sound
    return _plain_sound(path, kind)


def _plain_sound(path: Path, kind: str) -> Sound:
    """The sound in a file whose header is taken as it is, its length counted where that is in doubt."""
    try:
        sound = SndfileSound(path)
    except UserError:
        if kind not in {"wav", "flac", "ogg", "mp3"} or path.stat().st_size <= 64:
            raise
        other = FFmpegSound(path)
        other.remarks += _of_joined_wav(path) if kind == "wav" else ()
        return other
    doubt = _doubt(sound, path, kind)
    if doubt is None:
        return sound
    try:
        other = FFmpegSound(path)
    except UserError:
        return sound
    if kind != "flac" and other.frames <= sound.frames and sound.frames < 2**40:
        other.close()
        return sound
    if kind == "flac":  # each of its packets is a whole one, though it may be damaged
        other.count()
    if doubt is _JOINED and other.frames < sound.frames:
        doubt = broken_off(other.frames / other.samplerate, sound.frames / sound.samplerate)
    sound.close()
    other.remarks += (doubt,)
    return other


_LENGTH = Remark("Its header does not say how long it is; what is there was read.")
_WRONG_LENGTH = Remark("Its header says a wrong length; it was read to its end.")
_JOINED = Remark("Several recordings follow one another in this file; all were read.")
_FIRST = Remark("Several recordings follow one another in this file; only the first was read.")


def _of_wav(path: Path) -> tuple[Remark, ...]:
    """What is to be said of a WAV whose header says another length than is there."""
    claim = wav_claim(path)
    if claim is None:
        return ()
    if claim.claimed > claim.there and claim.claimed < LARGEST_32 and claim.rate:
        return (broken_off(claim.there / claim.rate, claim.claimed / claim.rate),)
    return (_WRONG_LENGTH,) if 0 < claim.claimed < claim.there else (_LENGTH,)


def _of_joined_wav(path: Path) -> tuple[Remark, ...]:
    claim = wav_claim(path)
    return (_FIRST,) if claim is not None and claim.follows == "sound" else ()


def _doubt(sound: SndfileSound, path: Path, kind: str) -> Remark | None:
    """Why the length that libsndfile gives is not believed, or None."""
    size = path.stat().st_size
    if kind == "wav":
        sound.remarks += _of_joined_wav(path)
        return None
    if kind == "flac":
        if not sound.frames or sound.frames * sound.channels * 2 > TRUSTED_GROWTH * size:
            return _LENGTH
        if flac_in_doubt(path, sound.frames):
            return _JOINED
        return None
    if kind == "ogg" and ogg_changes(path):
        sound.remarks += (_FIRST,)
        return None
    counted = counted_seconds(path) if kind in {"mp3", "ogg"} else None
    if counted is None:
        return None
    claimed_s = sound.frames / sound.samplerate
    if abs(counted - claimed_s) > 0.02 * claimed_s + 0.1:
        if kind == "mp3" and counted < claimed_s:  # what its first frame claims is not there
            sound.frames = round(counted * sound.samplerate)
            sound.remarks += (broken_off(counted, claimed_s) if claimed_s < MOST_CLAIMED_S else _LENGTH,)
            return None
        return _WRONG_LENGTH if kind == "mp3" else _JOINED
    if kind == "ogg" and not ogg_ends(path):
        sound.remarks += (Remark("It has no mark of its end; it may have been cut off."),)
    return None


class SndfileSound(Sound):
    """A sound that libsndfile reads."""

    def __init__(self, path: Path, patches: dict[int, bytes] | None = None) -> None:
        self._name = file_names.shown(path.name)
        self._mended = Mended(path, patches) if patches else None
        try:
            place = os.fsencode(path) if os.name == "posix" else path
            self._file = soundfile.SoundFile(self._mended or place)
        except OSError as error:
            raise _cannot_open(path, error) from error
        except (soundfile.LibsndfileError, RuntimeError, TypeError, ValueError) as error:
            if self._mended is not None:
                self._mended.close()
            raise not_a_sound(path) from error
        self.samplerate, self.channels = int(self._file.samplerate), int(self._file.channels)
        self.frames, self.format = int(self._file.frames), str(self._file.format)
        self.remarks: tuple[Remark, ...] = ()
        self._scale = np.float32(1)
        if not RATES[0] <= self.samplerate <= RATES[1] or not 1 <= self.channels <= MOST_CHANNELS:
            self.close()
            raise not_a_sound(path)
        if self._file.subtype in ("FLOAT", "DOUBLE"):
            self._find_scale()

    def _find_scale(self) -> None:
        """Some programs write whole numbers of 16 or 32 bits as fractions: full scale is then theirs."""
        beginning = self.read(PEEK_S * self.samplerate)
        peak = float(np.abs(beginning[np.isfinite(beginning)]).max(initial=0.0))
        self.seek(0)
        if peak > FAR_OVER:
            full = next((float(2**bits) for bits in (15, 23, 31) if peak <= 1.01 * 2**bits), peak)
            self._scale = np.float32(1 / full)
            self.remarks += (
                Remark("Its samples reach {peak:.3g} times full scale; they were scaled to it.", peak=peak),
            )

    def read(self, frames: int) -> np.ndarray:
        try:
            block = self._file.read(max(0, frames), dtype="float32", always_2d=True)
            return block if self._scale == 1 else block * self._scale
        except (soundfile.LibsndfileError, RuntimeError, MemoryError, ValueError) as error:
            raise breaks_off(self._name) from error

    def seek(self, frame: int) -> None:
        try:
            self._file.seek(frame)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise breaks_off(self._name) from error

    def close(self) -> None:
        self._file.close()
        if self._mended is not None:
            self._mended.close()


def _check(path: Path) -> None:
    if path.is_dir():
        raise UserError(
            "{name} is a folder.",
            "A sound file was expected.",
            "Choose a file in it.",
            name=file_names.shown(path.name),
        )
    files.check_regular(path)


def _cannot_open(path: Path, error: OSError) -> UserError:
    return UserError(
        "{name} cannot be opened.",
        "{reason}.",
        "Check its permissions.",
        name=file_names.shown(path.name),
        reason=error.strerror or shortened(error),
    )
