"""Playing a sound, from memory or from a file, with a play head."""

from __future__ import annotations

import threading
import time
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal

from app.audio import portaudio
from app.audio.playing import Playing
from models.errors import UserError

MOVED_EVERY_S = 0.05
LOST_AFTER_S = 1.0  # without a callback


class Source(Protocol):
    """What can be played: frames of samples, full scale ±1."""

    rate: int
    frames: int
    channels: int

    def read(self, place: int, count: int) -> np.ndarray:
        """float32 [at most count, channels] from the frame `place` on; fewer only at the end."""

    def close(self) -> None:
        """Let go of the file, where there is one."""


class Player(Playing):
    """One sound, from memory or from a file.

    moved(seconds): where the play head is, some twenty times a second; who draws by a timer asks `position_s` instead.
    """

    moved = Signal(float)
    _passed = Signal(object, float)
    _playback: _Playback | None

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._passed.connect(self._moves, Qt.ConnectionType.QueuedConnection)

    def play(self, samples: np.ndarray, rate: int, start_s: float = 0.0) -> None:
        """float32 [n] or [n, channels], full scale ±1; what was playing stops."""
        self._start(partial(_Samples, samples, rate), start_s)

    def play_file(self, path: Path, start_s: float = 0.0) -> None:
        """Play a sound file of any format and rate; read as it is played."""
        self._start(partial(_File, path), start_s)

    def play_source(self, source: Source, start_s: float = 0.0) -> None:
        """Play what gives its samples when they are needed."""
        self._start(lambda: source, start_s)

    def seek(self, place_s: float) -> None:
        """Go on from another place, seconds from the beginning; nothing where nothing plays."""
        if self._playback is not None:
            self._playback.seek(place_s)

    def _start(self, open_source: Any, start_s: float) -> None:
        self.stop()
        self._playback = _Playback(self, open_source, max(0.0, start_s))
        self._playback.start()

    def _moves(self, playback: _Playback, place_s: float) -> None:
        if playback is self._playback:
            self.moved.emit(place_s)


class _Playback(threading.Thread):
    """One sound from start to end."""

    def __init__(self, owner: Player, open_source: Any, start_s: float) -> None:
        super().__init__(name="player", daemon=True)
        self.paused = False
        self._owner, self._open_source = owner, open_source
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._ended = self._done = False
        self._rate = 0
        self._place = 0  # the frame to be given next
        self._floor_s = start_s  # the play head is not before it: where playing began, or was moved to
        self._wanted_s: float | None = start_s  # a place asked for and not yet taken up
        self._audible = 0.0  # when the frame before `_place` − `_given` is heard
        self._given = 0
        self._called = 0.0

    def end(self) -> None:
        self._ended = True
        self._wake.set()

    def pause(self, paused: bool) -> None:
        here = self.position_s()
        with self._lock:
            if paused != self.paused:
                self.paused, self._wanted_s, self._floor_s, self._given = paused, here, here, 0

    def seek(self, place_s: float) -> None:
        with self._lock:
            self._wanted_s = self._floor_s = max(0.0, place_s)
            self._given = 0

    def position_s(self) -> float:
        with self._lock:
            if self._wanted_s is not None or not self._given or not self._rate:
                return self._floor_s
            played = (time.monotonic() - self._audible) * self._rate
            return max(self._floor_s, (self._place - self._given + min(played, self._given)) / self._rate)

    def run(self) -> None:
        source: Source | None = None
        stream: Any = None
        error: UserError | None = None
        try:
            source = self._open_source()
            source, stream = self._open(source)
            error = self._play_out()
        except UserError as raised:
            error = raised
        finally:
            if stream is not None:
                portaudio.close_stream(stream)
            if source is not None:
                source.close()
        if not self._ended:
            self._tell(self._owner._ended, error)

    def _play_out(self) -> UserError | None:
        """Wait for the end; UserError where the device went away before it."""
        self._called = time.monotonic() + 3.0  # a sound server may take its time to begin
        while not self._ended:
            if self._wake.wait(MOVED_EVERY_S):
                if self._done or self._ended:
                    return None
                return broke_off()
            if time.monotonic() - self._called > LOST_AFTER_S:
                return broke_off()
            self._tell(self._owner._passed, self.position_s())
        return None

    def _open(self, source: Source) -> tuple[Source, Any]:
        """(what to read from, the running stream): as the sound is, else as the device wants it."""
        problem: Exception | None = None
        for fit in (False, True):
            try:
                if fit:
                    source = portaudio.call(partial(_fitted, source, portaudio.module()))
                self._rate = source.rate
                return source, portaudio.open_stream(partial(self._stream, source))
            except UserError:
                raise
            except Exception as error:  # PortAudioError cannot be named where the library may be missing
                problem = error
        raise cannot_play(problem) from problem

    def _stream(self, source: Source, module: Any) -> Any:
        def callback(out: np.ndarray, frames: int, times: Any, _status: Any) -> None:
            now = time.monotonic()
            ahead = times.outputBufferDacTime - times.currentTime
            self._called = max(self._called, now)
            with self._lock:
                if self._wanted_s is not None:
                    self._place = min(source.frames, round(self._wanted_s * source.rate))
                    self._wanted_s = None
                piece = source.read(self._place, 0 if self.paused else frames)
                self._place += len(piece)
                if not self.paused:
                    self._given = len(piece)
                self._audible = now + (ahead if 0.0 < ahead < 2.0 else 0.0)
                over = not self.paused and len(piece) < frames
            out[: len(piece)] = piece
            out[len(piece) :] = 0
            if over:
                self._done = True
                raise module.CallbackStop

        return module.OutputStream(
            samplerate=source.rate,
            channels=source.channels,
            dtype="float32",
            latency="high",  # nothing has to come at once, and a busy machine must not be heard
            callback=callback,
            finished_callback=self._wake.set,
        )

    def _tell(self, signal: Any, value: object) -> None:
        try:
            signal.emit(self, value)
        except RuntimeError:  # the window is gone
            self._ended = True


class _Samples:
    """A sound in memory: [n] or [n, channels]."""

    def __init__(self, samples: np.ndarray, rate: int) -> None:
        self._samples = samples.reshape(len(samples), -1).astype(np.float32, copy=False)
        self.rate = rate
        self.frames, self.channels = self._samples.shape

    def read(self, place: int, count: int) -> np.ndarray:
        return self._samples[place : place + count]

    def close(self) -> None:
        self._samples = self._samples[:0]


class _File:
    """A sound file, read a block at a time. Raises UserError where it cannot be read."""

    def __init__(self, path: Path) -> None:
        from models.sound import open_sound

        self._file = open_sound(path)  # says in words what is wrong with a file
        self.rate, self.frames, self.channels = (
            self._file.samplerate,
            self._file.frames,
            self._file.channels,
        )
        self._place = 0

    def read(self, place: int, count: int) -> np.ndarray:
        if self._place != place:
            self._file.seek(place)
        sound = self._file.read(count)
        self._place = place + len(sound)
        return sound

    def close(self) -> None:
        self._file.close()


def _fitted(source: Source, module: Any) -> _Samples:
    """The whole sound at the rate and number of channels of the default device."""
    from models import audio

    device = module.query_devices(kind="output")
    samples = source.read(0, source.frames)
    source.close()
    channels = min(2, int(device["max_output_channels"]))
    if source.channels != channels:
        samples = np.repeat(samples.mean(axis=1, keepdims=True), channels, axis=1)
    rate = round(device["default_samplerate"])
    return _Samples(audio.resample(samples, source.rate, rate), rate)


def cannot_play(problem: Exception | None) -> UserError:
    """What is said where no stream opens, neither as the sound is nor as the device wants it."""
    return UserError(
        "The sound could not be played.",
        "{reason}.",
        "Check that loudspeakers or headphones are connected.",
        reason=str(problem).rstrip("."),
    )


def broke_off() -> UserError:
    """The device went away while it played."""
    return UserError(
        "The sound broke off.",
        "The loudspeakers or headphones were probably unplugged.",
        "Connect them again, then play it once more.",
    )
