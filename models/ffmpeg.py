"""Sound as FFmpeg reads it, by PyAV and in process: what libsndfile does not know, and what its container is wrong about."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from models import file_names, files
from models.errors import UserError
from models.remarks import Remark

DEMUXERS = (
    "aac,aiff,amr,asf,au,caf,flac,matroska,webm,mov,mp4,m4a,mp3,ogg,wav,w64"  # none that opens other files
)
MOST_CHANNELS = 1024
# Hz; slower, it is no sound that was heard, and takes days to be brought to another rate
RATES = (1000, 6_144_000)
MOST_PLANES = 8  # that a frame has room for; with so many, one a channel, PyAV counts wrongly
MOST_BAD_PACKETS = 10_000
REMEMBERED = 512  # files whose length was counted


class FFmpegSound:
    """The sound, or the first sound track, of whatever FFmpeg reads."""

    _container: Any = None
    _file: Any = None

    def __init__(self, path: Path) -> None:
        self._path, self._name = path, file_names.shown(path.name)
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
                self.remarks += (broken_off(there, float(claimed)),)

    def read(self, frames: int) -> np.ndarray:
        """float32 [n, channels], full scale ±1, of the next at most `frames` samples; n is 0 at the end. Raises UserError where
        the sound breaks off."""
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
        """Close the file and let go of the decoder; it may be called twice."""
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
                try:
                    if frame.sample_rate == self.samplerate and frame.layout.nb_channels == self.channels:
                        block = _samples_of(frame)
                    else:  # a joined stream of another kind
                        if resampler is None:
                            resampler = av.AudioResampler("fltp", self._stream.layout, self.samplerate)
                        made = [_samples_of(item) for item in resampler.resample(frame)]
                        block = np.concatenate(
                            [np.zeros((0, self.channels), np.float32), *map(self._fitted, made)]
                        )
                except (av.error.FFmpegError, ValueError):
                    bad += 1
                    continue
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
    channels = frame.layout.nb_channels
    if frame.format.is_planar and channels >= MOST_PLANES:
        # PyAV counts planes up to a null pointer, which eight and more do not end with: it would read what is not the frame's.
        import av

        [frame] = av.AudioResampler("flt", frame.layout, frame.sample_rate).resample(frame)
    values = frame.to_ndarray()
    name = frame.format.name
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


def broken_off(there_s: float, claimed_s: float) -> Remark:
    """That a file holds less than it claims."""
    return Remark(
        "It breaks off: {there:.1f} s of {claimed:.1f} s are there.", there=there_s, claimed=claimed_s
    )


def not_a_sound(path: Path) -> UserError:
    """The error for a file in which nothing is a sound that libsndfile or FFmpeg can read."""
    return UserError(
        "{name} is not a sound file that can be read.",
        "Its contents are not WAV, FLAC, OGG, MP3, M4A, WebM, AIFF or another known format, or its header is damaged.",
        "Convert it to WAV or FLAC, or choose another file.",
        name=file_names.shown(path.name),
    )


def breaks_off(name: str) -> UserError:
    """The error for a sound that begins well and cannot be decoded to its end. name: that of the file, as shown to people."""
    return UserError(
        "{name} breaks off while it is read.",
        "The file is damaged or was not copied to its end.",
        "Copy it again, or convert what is left of it.",
        name=name,
    )
