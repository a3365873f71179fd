"""Playing several files at once at one place: a mixture and its tracks, each with its own gain."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import soundfile
from PySide6.QtCore import QObject

from app.audio import portaudio
from app.audio.mixer import Lanes, Mixer, Region
from app.audio.player import LOST_AFTER_S, broke_off, cannot_play
from app.audio.playing import Playing
from models import audio
from models.errors import UserError

LOOK_EVERY_S = 0.02
PATIENCE_S = 3.0  # a sound server may take its time to begin


class LanePlayer(Playing):
    """Files that are read ahead of what is heard. Gains, stretch and place may be changed while it plays, without a click."""

    _playback: _Playback | None

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._paths: list[Path] = []
        self._gains: list[float] = []
        self._stretch: Region | None = None
        self._again = True

    def set_lanes(self, paths: Sequence[Path], gains: Sequence[float]) -> None:
        """Which files are played together; what was playing stops."""
        self.stop()
        self._paths, self._gains = list(paths), list(gains)

    def set_gains(self, gains: Sequence[float]) -> None:
        """One factor a lane; 0 is silence."""
        self._gains = list(gains)
        if self._playback is not None:
            self._playback.set_gains(self._gains)

    def set_stretch(self, stretch: Region | None, again: bool = True) -> None:
        """Play that stretch only, in seconds, over and over or once; None: to the end of the files."""
        if (stretch, again) == (self._stretch, self._again):
            return
        self._stretch, self._again = stretch, again
        if self._playback is not None:
            self._playback.jump(self.position_s(), stretch, again)

    def play(self, start_s: float = 0.0) -> None:
        """From the beginning, or that place, on."""
        if self._playback is not None:
            self._playback.jump(start_s, self._stretch, self._again)
            self._playback.pause(False)
            return
        self._playback = _Playback(self, self._paths, self._gains, max(0.0, start_s))
        self._playback.jump(max(0.0, start_s), self._stretch, self._again)
        self._playback.start()

    def seek(self, place_s: float) -> None:
        """Go on from another place, seconds from the beginning; nothing where nothing plays."""
        if self._playback is not None:
            self._playback.jump(max(0.0, place_s), self._stretch, self._again)


class _Playback(threading.Thread):
    """From pressing Play to the end or Stop: opens files and device, then reads ahead of what is heard."""

    def __init__(
        self,
        owner: LanePlayer,
        paths: Sequence[Path],
        gains: Sequence[float],
        start_s: float,
    ) -> None:
        super().__init__(name="lanes", daemon=True)
        self._owner, self._paths = owner, list(paths)
        self._gains = list(gains)
        self._stretch: Region | None = None
        self._again = True
        self._start_s = start_s  # where to begin, or to go on from
        self._moved = True  # whether that was not taken up yet
        self._paused = False
        self._mixer: Mixer | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._ended = self._done = False
        self._called = 0.0

    @property
    def paused(self) -> bool:
        return self._paused

    def end(self) -> None:
        self._ended = True
        self._wake.set()

    def pause(self, paused: bool) -> None:
        self._paused = paused
        if self._mixer is not None:
            self._mixer.paused = paused

    def set_gains(self, gains: Sequence[float]) -> None:
        self._gains = list(gains)
        if self._mixer is not None:
            self._mixer.set_gains(gains)

    def jump(self, place_s: float, stretch: Region | None, again: bool) -> None:
        with self._lock:
            self._start_s, self._stretch, self._again, self._moved = place_s, stretch, again, True
            if self._mixer is not None:
                self._mixer.jump(place_s)

    def position_s(self) -> float:
        if self._mixer is None:
            return self._start_s
        return self._mixer.position_s(time.monotonic())

    def run(self) -> None:
        lanes: Lanes | None = None
        stream: Any = None
        error: UserError | None = None
        try:
            lanes, stream = self._open()
            error = self._play_out(lanes)
        except UserError as raised:
            error = raised
        except (soundfile.LibsndfileError, OSError) as raised:  # a file that vanished or breaks off
            error = _cannot_go_on(raised)
        finally:
            if stream is not None:
                portaudio.close_stream(stream)
            if lanes is not None:
                lanes.close()
        if not self._ended:
            try:
                self._owner._ended.emit(self, error)
            except RuntimeError:  # the window is gone
                return

    def _play_out(self, lanes: Lanes) -> UserError | None:
        self._called = time.monotonic() + PATIENCE_S
        while not self._ended:
            self._read_ahead(lanes)
            if self._wake.wait(LOOK_EVERY_S):
                return None if self._done or self._ended else broke_off()
            if time.monotonic() - self._called > LOST_AFTER_S:
                return broke_off()
        return None

    def _read_ahead(self, lanes: Lanes) -> None:
        mixer = self._mixer
        assert mixer is not None
        while not self._ended:
            with self._lock:
                turn = mixer.turn
                if self._moved:
                    lanes.stretch, lanes.again, self._moved = self._stretch, self._again, False
                    lanes.seek(self._start_s)
            if not mixer.room():
                return
            block = lanes.read(turn)
            if block is None:
                return
            mixer.feed(block)

    def _open(self) -> tuple[Lanes, Any]:
        """(the files, the running stream): at the rate of the files, else as the device wants it."""
        headers = [audio.info(path) for path in self._paths]
        rate = max(header.sample_rate for header in headers)
        channels = 1 if all(header.channels == 1 for header in headers) else 2
        problem: Exception | None = None
        for fit in (False, True):
            try:
                if fit:
                    rate, channels = portaudio.call(partial(_of_device, portaudio.module()))
                lanes = Lanes(self._paths, rate, channels)
                with self._lock:
                    self._mixer = mixer = Mixer(len(self._paths), rate, channels, self._gains)
                    mixer.paused, self._moved = self._paused, True
                    mixer.jump(self._start_s)
                return lanes, self._opened(lanes, mixer)
            except UserError:
                raise
            except Exception as error:  # PortAudioError cannot be named where the library may be missing
                problem = error
        raise cannot_play(problem) from problem

    def _opened(self, lanes: Lanes, mixer: Mixer) -> Any:
        try:
            self._read_ahead(lanes)
            return portaudio.open_stream(partial(self._stream, mixer))
        except BaseException:
            lanes.close()
            raise

    def _stream(self, mixer: Mixer, module: Any) -> Any:
        def callback(out: Any, frames: int, times: Any, _status: Any) -> None:
            now = time.monotonic()
            ahead = times.outputBufferDacTime - times.currentTime
            self._called = max(self._called, now)
            if mixer.over:
                out.fill(0)
                self._done = True
                raise module.CallbackStop
            out[:] = mixer.pull(frames, now + (ahead if 0.0 < ahead < 2.0 else 0.0))

        return module.OutputStream(
            samplerate=mixer.rate,
            channels=mixer.channels,
            dtype="float32",
            latency="high",  # a busy machine must not be heard
            callback=callback,
            finished_callback=self._wake.set,
        )


def _of_device(module: Any) -> tuple[int, int]:
    device = module.query_devices(kind="output")
    return round(device["default_samplerate"]), min(2, int(device["max_output_channels"]))


def _cannot_go_on(error: Exception) -> UserError:
    return UserError(
        "The sound broke off.",
        "A file could not be read any further: {reason}.",
        "Check that it is still there, then open it again.",
        reason=str(error).rstrip("."),
    )
