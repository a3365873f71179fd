"""Opened sound files: libsndfile where it reads a file rightly, FFmpeg (by PyAV, in process) for the rest.

FFmpeg reads M4A, MP4, MOV, WebM, AAC, WMA and AMR, and those files whose container does not say, or says wrongly, how
long they are: a WAV whose recorder died, FLAC from a pipe, MP3 without a Xing header, Ogg streams that were joined. A
length is never believed where it can be counted, and no memory is taken for it.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import soundfile

from models import files
from models.containers import (
    LARGEST_32,
    Mended,
    flac_in_doubt,
    mended,
    ogg_changes,
    ogg_ends,
    wav_claim,
)
from models.errors import UserError
from models.remarks import Remark

FFMPEG_KINDS = frozenset({"mp4", "matroska", "asf", "amr", "aac"})
DEMUXERS = (
    "aac,aiff,amr,asf,au,caf,flac,matroska,webm,mov,mp4,m4a,mp3,ogg,wav,w64"  # none that opens other files
)
TRUSTED_GROWTH = (
    40  # a header that claims more 16-bit samples than so many times the file's bytes is not believed
)
MOST_CHANNELS = 1024
MOST_CLAIMED_S = 1e6  # a header that claims more than eleven days says nothing
FAR_OVER = 16.0  # times full scale; no clipping goes so far
PEEK_S = 10  # in which the scale of fractions is found
RATES = (
    1000,
    6_144_000,
)  # Hz; slower, it is no sound that was heard, and takes days to be brought to another rate
MOST_BAD_PACKETS = 10_000
REMEMBERED = 512  # files whose length was counted


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

    def seek(self, frame: int) -> None: ...

    def close(self) -> None: ...


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
            name=files.shown(path.name),
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
        doubt = _breaks_off(other.frames / other.samplerate, sound.frames / sound.samplerate)
    sound.close()
    other.remarks += (doubt,)
    return other


_LENGTH = Remark("Its header does not say how long it is; what is there was read.")
_WRONG_LENGTH = Remark("Its header says a wrong length; it was read to its end.")
_JOINED = Remark("Several recordings follow one another in this file; all were read.")
_FIRST = Remark("Several recordings follow one another in this file; only the first was read.")


def _breaks_off(there_s: float, claimed_s: float) -> Remark:
    return Remark(
        "It breaks off: {there:.1f} s of {claimed:.1f} s are there.", there=there_s, claimed=claimed_s
    )


def _of_wav(path: Path) -> tuple[Remark, ...]:
    """What is to be said of a WAV whose header says another length than is there."""
    claim = wav_claim(path)
    if claim is None:
        return ()
    if claim.claimed > claim.there and claim.claimed < LARGEST_32 and claim.rate:
        return (_breaks_off(claim.there / claim.rate, claim.claimed / claim.rate),)
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
    said = sound.frames / sound.samplerate
    if abs(counted - said) > 0.02 * said + 0.1:
        if kind == "mp3" and counted < said:  # what its first frame claims is not there
            sound.frames = round(counted * sound.samplerate)
            sound.remarks += (_breaks_off(counted, said) if said < MOST_CLAIMED_S else _LENGTH,)
            return None
        return _WRONG_LENGTH if kind == "mp3" else _JOINED
    if kind == "ogg" and not ogg_ends(path):
        sound.remarks += (Remark("It has no mark of its end; it may have been cut off."),)
    return None


class SndfileSound:
    """A sound that libsndfile reads."""

    def __init__(self, path: Path, patches: dict[int, bytes] | None = None) -> None:
        self._name = files.shown(path.name)
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
        heard = self.read(PEEK_S * self.samplerate)
        peak = float(np.abs(heard[np.isfinite(heard)]).max(initial=0.0))
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


class FFmpegSound:
    """The sound, or the first sound track, of whatever FFmpeg reads."""

    _container: Any = None
    _file: Any = None

    def __init__(self, path: Path) -> None:
        self._path, self._name = path, files.shown(path.name)
        self._ready: list[np.ndarray] = []
        self._place = 0
        self._start()
        stream = self._stream
        if stream.codec_context is None:
            self.close()
            raise not_a_sound(path)
        self.samplerate = int(stream.codec_context.sample_rate or 0)
        self.channels = int(stream.codec_context.channels or 0)
        if not RATES[0] <= self.samplerate <= RATES[1] or not 1 <= self.channels <= MOST_CHANNELS:
            self.close()
            raise not_a_sound(path)
        self.format = str(self._container.format.name).split(",")[0].upper()
        self.remarks = self._remarks_of_tracks()
        claimed = stream.duration * stream.time_base if stream.duration else None
        seconds = counted_seconds(path)
        counted = None if seconds is None else round(seconds * self.samplerate)
        self.frames = counted if counted is not None else round(float(claimed or 0) * self.samplerate)
        if self.format in ("MOV", "MATROSKA") and claimed and counted is not None:
            there = counted / self.samplerate
            if float(claimed) - there > 0.25 + 0.02 * float(claimed):
                self.remarks += (_breaks_off(there, float(claimed)),)

    def read(self, frames: int) -> np.ndarray:
        parts, left = [], frames
        if self.format == "MOV" and self.frames:  # its last packet is filled up
            left = min(left, self.frames - self._place)
        while left > 0:
            if not self._ready:
                block = next(self._decoded, None)
                if block is None:
                    break
                self._ready.append(block)
            block = self._ready.pop(0)
            if len(block) > left:
                self._ready.insert(0, block[left:])
                block = block[:left]
            parts.append(block)
            left -= len(block)
        result = np.concatenate(parts) if parts else np.zeros((0, self.channels), np.float32)
        self._place += len(result)
        return result

    def _fitted(self, block: np.ndarray) -> np.ndarray:
        """With as many channels as the sound began with, though the stream changed them."""
        if block.shape[1] == self.channels:
            return block
        return np.repeat(block.mean(axis=1, keepdims=True), self.channels, axis=1)

    def count(self) -> None:
        """Set `frames` to what is read in truth."""
        self.frames = 0
        while block := len(self.read(262_144)):
            self.frames += block
        self._start()

    def seek(self, frame: int) -> None:
        """By decoding up to there: places in compressed sound are not exact."""
        if frame < self._place:
            self._start()
        while self._place < frame:
            if not len(self.read(min(262_144, frame - self._place))):
                break

    def close(self) -> None:
        self._decoded: Iterator[np.ndarray] = iter(())
        if self._container is not None:
            self._container.close()
            self._container = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def _remarks_of_tracks(self) -> tuple[Remark, ...]:
        remarks = []
        if self._container.streams.video and not _is_cover(self._container):
            remarks.append(Remark("The sound track of the video was read."))
        tracks = len(self._container.streams.audio)
        if tracks > 1:
            remarks.append(Remark("Of {count} sound tracks the first was read.", count=tracks))
        return tuple(remarks)

    def _start(self) -> None:
        self.close()
        self._file = open(self._path, "rb")  # noqa: SIM115  closed by `close`
        try:
            self._container = _container(self._file)
            self._stream = self._container.streams.audio[0]
        except Exception as error:  # PyAV's errors are those of FFmpeg and of Python
            self.close()
            if isinstance(error, IndexError):
                raise UserError(
                    "{name} has no sound track.", "", "Choose a file with sound.", name=self._name
                ) from error
            raise not_a_sound(self._path) from error
        self._ready, self._place = [], 0
        self._decoded = self._decode()

    def _decode(self) -> Iterator[np.ndarray]:
        import av

        bad = good = 0
        resampler = None
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    break
                frames = packet.decode()
            except (av.error.FFmpegError, ValueError, OSError, EOFError, RuntimeError, MemoryError) as error:
                bad += 1
                if bad > MOST_BAD_PACKETS:
                    raise breaks_off(self._name) from error
                if isinstance(error, av.error.EOFError | MemoryError):
                    break
                continue
            for frame in frames:
                if not frame.samples:
                    continue
                same = frame.sample_rate == self.samplerate and frame.layout.nb_channels == self.channels
                if same:
                    block = _samples_of(frame)
                else:  # a joined stream of another kind
                    if resampler is None:
                        resampler = av.AudioResampler("fltp", self._stream.layout, self.samplerate)
                    try:
                        made = [_samples_of(item) for item in resampler.resample(frame)]
                    except (av.error.FFmpegError, ValueError):
                        bad += 1
                        continue
                    block = np.concatenate(
                        [np.zeros((0, self.channels), np.float32), *map(self._fitted, made)]
                    )
                good += len(block)
                yield block
        if bad and not good:
            raise breaks_off(self._name)


def _container(file: Any) -> Any:
    """A file as FFmpeg sees it: no other demuxer than ours, and nothing beside the file is opened."""
    import av

    return av.open(
        file,
        mode="r",
        metadata_errors="replace",
        options={"format_whitelist": DEMUXERS, "protocol_whitelist": "file"},
    )


def _is_cover(container: Any) -> bool:
    """Whether all pictures in it are still ones, as the covers of albums are."""
    return all(
        bool(stream.disposition & stream.disposition.attached_pic) for stream in container.streams.video
    )


def _samples_of(frame: Any) -> np.ndarray:
    """float32 [n, channels], full scale ±1, of a decoded frame."""
    values = frame.to_ndarray()
    name = frame.format.name
    channels = frame.layout.nb_channels
    samples = values.T if frame.format.is_planar else values.reshape(-1, channels)
    if name.startswith("u8"):
        return ((samples.astype(np.float32) - 128.0) / 128.0).astype(np.float32)
    if samples.dtype.kind == "i":
        return (samples.astype(np.float64) / -float(np.iinfo(samples.dtype).min)).astype(np.float32)
    return np.ascontiguousarray(samples, np.float32)


_counted: dict[tuple[str, int, int], float | None] = {}


def counted_seconds(path: Path) -> float | None:
    """How long a file lasts, counted from its packets without decoding them; None where they do not say.

    Exact, but for containers that count in milliseconds (WebM) and for joined streams: there within a few packets.
    """
    import av

    state = path.stat()
    key = (os.fspath(path), state.st_size, state.st_mtime_ns)
    if key in _counted:
        return _counted[key]
    seconds, timed, untimed, primed = 0.0, 0, 0, 0
    rate = 0
    broken = (UserError, av.error.FFmpegError, ValueError, IndexError, OSError, RuntimeError, MemoryError)
    # of a broken one it is what was counted up to there
    with contextlib.suppress(*broken), files.opened(path) as file, _container(file) as container:
        stream = container.streams.audio[0]
        rate = int(stream.codec_context.sample_rate)
        for packet in container.demux(stream):
            if not packet.size:
                continue
            lasts = packet.duration or 0
            if (
                lasts >= 2**31
            ):  # what was cut from the end of an Ogg stream comes as a negative number of 32 bits
                lasts -= 2**32
            if lasts:
                timed += 1
                seconds += float(lasts * packet.time_base)
            else:
                untimed += 1
            if packet.has_sidedata("skip_samples"):
                primed += struct.unpack("<I", bytes(packet.get_sidedata("skip_samples"))[:4])[0]
    if timed:
        seconds *= (timed + untimed) / timed
    result = round(seconds * rate) - primed if timed else 0
    if len(_counted) >= REMEMBERED:
        _counted.clear()
    _counted[key] = result / rate if result > 0 else None
    return _counted[key]


def _check(path: Path) -> None:
    if path.is_dir():
        raise UserError(
            "{name} is a folder.",
            "A sound file was expected.",
            "Choose a file in it.",
            name=files.shown(path.name),
        )
    files.check_regular(path)


def _cannot_open(path: Path, error: OSError) -> UserError:
    return UserError(
        "{name} cannot be opened.",
        "{reason}.",
        "Check its permissions.",
        name=files.shown(path.name),
        reason=error.strerror or files.shortened(error),
    )


def not_a_sound(path: Path) -> UserError:
    return UserError(
        "{name} is not a sound file that can be read.",
        "Its contents are not WAV, FLAC, OGG, MP3, M4A, WebM, AIFF or another known format, or its header is damaged.",
        "Convert it to WAV or FLAC, or choose another file.",
        name=files.shown(path.name),
    )


def breaks_off(name: str) -> UserError:
    return UserError(
        "{name} breaks off while it is read.",
        "The file is damaged or was not copied to its end.",
        "Copy it again, or convert what is left of it.",
        name=name,
    )
