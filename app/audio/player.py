"""Playing a sound that is in memory, with a play head."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal

from app.audio.microphone import _sounddevice
from models.errors import UserError


class Player(QObject):
    """Plays one sound at a time. `finished` comes when it ends by itself, `failed` when there is nothing to play on."""

    finished = Signal()
    failed = Signal(object)
    _ended = Signal(int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stream: Any = None
        self._samples = np.zeros((0, 1), np.float32)
        self._rate = 16_000
        self._place = 0
        self._number = 0
        self._touched = time.monotonic()
        self._lock = threading.Lock()
        self._ended.connect(self._over, Qt.ConnectionType.QueuedConnection)

    @property
    def playing(self) -> bool:
        return self._stream is not None

    def position_s(self) -> float:
        """Where the play head is, seconds from the beginning of the sound."""
        with self._lock:
            since = time.monotonic() - self._touched if self.playing else 0.0
            return min(len(self._samples), self._place + since * self._rate) / self._rate

    def play(self, samples: np.ndarray, rate: int, start_s: float = 0.0) -> None:
        """float32 [n] or [n, channels]; what was playing stops. Full scale is ±1."""
        self.stop()
        self._samples = samples.reshape(len(samples), -1).astype(np.float32, copy=False)
        self._rate = rate
        self._place = min(len(samples), max(0, round(start_s * rate)))
        self._touched = time.monotonic()
        self._number += 1
        number = self._number
        try:
            sounddevice = _sounddevice()
        except UserError as error:
            self.failed.emit(error)
            return
        try:
            self._stream = sounddevice.OutputStream(
                samplerate=rate,
                channels=self._samples.shape[1],
                dtype="float32",
                callback=self._callback,
                finished_callback=lambda: self._ended.emit(number),
            )
            self._stream.start()
        except (sounddevice.PortAudioError, OSError, ValueError) as error:
            self._stream = None
            self.failed.emit(
                UserError(
                    "The sound could not be played.",
                    "{reason}.",
                    "Check that loudspeakers or headphones are connected.",
                    reason=str(error).rstrip("."),
                )
            )

    def seek(self, place_s: float) -> None:
        with self._lock:
            self._place = min(len(self._samples), max(0, round(place_s * self._rate)))
            self._touched = time.monotonic()

    def stop(self) -> None:
        """Silence, at once; no signal."""
        stream, self._stream = self._stream, None
        self._number += 1
        if stream is not None:
            stream.abort(ignore_errors=True)
            stream.close(ignore_errors=True)

    def _callback(self, out: np.ndarray, frames: int, _times: Any, _status: Any) -> None:
        import sounddevice

        with self._lock:
            piece = self._samples[self._place : self._place + frames]
            self._place += len(piece)
            self._touched = time.monotonic()
        out[: len(piece)] = piece
        out[len(piece) :] = 0
        if len(piece) < frames:
            raise sounddevice.CallbackStop

    def _over(self, number: int) -> None:
        if number == self._number and self._stream is not None:
            self.stop()
            self.finished.emit()
