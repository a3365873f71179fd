"""The microphone: opened, listened to, lost and found again, without ever holding up the window.

PortAudio's callback copies what it is given and does nothing else. A thread of the session brings it to 16 kHz and into
the ring, and looks for the device when it is gone.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal

from app.audio import portaudio
from app.audio.portaudio import InputDevice
from app.audio.ring import Ring
from app.i18n import tr
from models.errors import UserError

RATE = 16_000
KEPT_S = 10.0
LOST_AFTER_S = 1.0  # without a callback
FIRST_AFTER_S = 4.0  # the same, before the very first one: a sound server may take seconds
LOOK_EVERY_S = 1.0
SILENT_AFTER_S = 3.0  # of digital zeros
BLOCK_S = 0.02
METER_S = 0.05


@dataclass(frozen=True)
class Level:
    """Of the last 50 ms, in dB of full scale; −inf in digital silence or when nothing is heard."""

    rms_dbfs: float
    peak_dbfs: float


class Microphone(QObject):
    """Sound from a chosen device in `ring`, mono, 16 kHz. Each `start` makes a new ring.

    state_changed(state, text): ``opening``; ``listening`` (text: the device's name), once sound really comes, and again
    when it is back; ``lost`` (text: why), while it is looked for every second; ``stopped``.
    failed(UserError): it could not be opened at all.
    silent(text): the device works, but what it gives is nothing but zeros; the text says what may be the matter, and is
    empty as soon as there is sound after all.
    """

    state_changed = Signal(str, str)
    failed = Signal(object)
    silent = Signal(str)
    _said = Signal(object, str, str)
    _broke = Signal(object, object)
    _hears_nothing = Signal(object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.ring = Ring(KEPT_S, RATE)
        self.device_name = ""
        self.state = "stopped"
        self._session: _Session | None = None
        self._ending: list[_Session] = []
        self._said.connect(self._says, Qt.ConnectionType.QueuedConnection)
        self._broke.connect(self._fails, Qt.ConnectionType.QueuedConnection)
        self._hears_nothing.connect(self._is_silent, Qt.ConnectionType.QueuedConnection)

    @staticmethod
    def devices() -> list[InputDevice]:
        """The microphones that there are now. Takes up to a second: call it off the GUI thread. Raises UserError."""
        return portaudio.input_devices()

    @property
    def hearing(self) -> bool:
        """Whether sound came within the last moments."""
        return self._session is not None and self._session.hearing

    @property
    def overflows(self) -> int:
        """How often the machine was too busy to take the sound in time, since `start`."""
        return self._session.overflows if self._session is not None else 0

    def start(self, name: str | None = None) -> None:
        """Listen to the device of that name (None, or if it is not there: the default one). Returns at once."""
        self.stop()
        self.ring = Ring(KEPT_S, RATE)
        self.state = "opening"
        self._session = _Session(self, self.ring, name)
        self._session.start()
        self.state_changed.emit("opening", "")

    def stop(self) -> None:
        """Let go of the device. Returns at once; the thread ends by itself."""
        session, self._session = self._session, None
        if session is not None:
            session.end()
            self._ending = [item for item in self._ending if item.is_alive()] + [session]
        if self.state != "stopped":
            self.state = "stopped"
            self.state_changed.emit("stopped", "")

    def wait_closed(self, timeout_s: float = 3.0) -> bool:
        """Wait until every session that was stopped has let go of its device."""
        deadline = time.monotonic() + timeout_s
        for session in self._ending:
            session.join(max(0.0, deadline - time.monotonic()))
        self._ending = [item for item in self._ending if item.is_alive()]
        return not self._ending

    def levels(self) -> Level:
        """For a meter."""
        samples = self.ring.latest(round(METER_S * RATE)).samples if self.hearing else np.zeros(0)
        if not len(samples):
            return Level(float("-inf"), float("-inf"))
        power = float(np.mean(np.square(samples, dtype=np.float64)))
        return Level(_db(power), _db(float(np.abs(samples).max()) ** 2))

    def level_dbfs(self) -> float:
        """Root mean square of the last 50 ms in dB of full scale; −inf in digital silence or when nothing is heard."""
        return self.levels().rms_dbfs

    # From the session's thread, queued. What a stopped session still says is not wanted. ----------------------

    def _says(self, session: _Session, state: str, text: str) -> None:
        if session is not self._session:
            return
        self.state = state
        if state == "listening":
            self.device_name = text
        self.state_changed.emit(state, text)

    def _fails(self, session: _Session, error: UserError) -> None:
        if session is self._session:
            self.stop()
            self.failed.emit(error)

    def _is_silent(self, session: _Session, text: str) -> None:
        if session is self._session:
            self.silent.emit(text)


class _Session(threading.Thread):
    """One start to stop: opens the device, moves its sound into the ring, and looks for it when it is gone."""

    def __init__(self, owner: Microphone, ring: Ring, name: str | None) -> None:
        super().__init__(name="microphone", daemon=True)
        self.overflows = 0
        self._owner, self._ring = owner, ring
        self._wanted = name
        self._device = ""  # what is listened to
        self._ended = threading.Event()
        self._blocks: queue.SimpleQueue[tuple[np.ndarray, float] | None] = queue.SimpleQueue()
        self._heard = -LOST_AFTER_S
        self._gone = False

    @property
    def hearing(self) -> bool:
        return time.monotonic() - self._heard < LOST_AFTER_S

    def end(self) -> None:
        self._ended.set()
        self._blocks.put(None)

    def run(self) -> None:
        ever_heard = False
        while not self._ended.is_set():
            try:
                sounded = self._listen()
            except UserError as error:
                if not ever_heard:
                    self._tell(self._owner._broke, error)
                    return
                sounded = False
            if sounded and not self._ended.is_set():
                ever_heard = True
                self._tell(
                    self._owner._said, "lost", tr("No more sound comes from {name}.", name=self._device)
                )
            self._ended.wait(LOOK_EVERY_S)

    def _listen(self) -> bool:
        """Open a device and move its sound until none comes any more; whether any came. Raises UserError."""
        device = self._choose()
        self._blocks = queue.SimpleQueue()
        self._gone = False
        stream, rate = self._open(device)
        try:
            first = self._first_block(device)
            if first is None:
                return False
            self._device = device.name
            self._tell(self._owner._said, "listening", device.name)
            self._pump(rate, first)
            return True
        finally:
            portaudio.close_stream(stream)

    def _choose(self) -> InputDevice:
        result = portaudio.input_devices()
        if not result:
            raise UserError(
                "No microphone was found.",
                portaudio.permission_text(),
                "Plug one in, or allow its use, then look again.",
            )
        default = next((item for item in result if item.default), result[0])
        names = (self._wanted, self._device)  # the second: what the default was before it went away
        return next((item for name in names for item in result if item.name == name), default)

    def _open(self, device: InputDevice) -> tuple[Any, int]:
        """(running stream, its rate in Hz): 16 kHz if the device can, else its own."""
        problem: Exception | None = None
        for rate in dict.fromkeys((RATE, round(device.rate))):
            try:
                return portaudio.open_stream(partial(self._stream, device, rate)), rate
            except UserError:
                raise
            except Exception as error:  # PortAudioError cannot be named where the library may be missing
                problem = error
        raise UserError(
            "The microphone {name} could not be opened: {reason}.",
            portaudio.permission_text(),
            "Close other programs that use it, or choose another microphone.",
            name=device.name,
            reason=str(problem).rstrip("."),
        ) from problem

    def _stream(self, device: InputDevice, rate: int, module: Any) -> Any:
        blocks, sample_s = self._blocks, 1.0 / rate

        def callback(data: np.ndarray, frames: int, times: Any, status: Any) -> None:
            now = time.monotonic()
            age = times.currentTime - times.inputBufferAdcTime  # of the block's first sample
            # Some systems tell nothing, or nonsense: then the block was complete just now.
            end = min(now, now - age + frames * sample_s) if 0.0 < age < 2.0 else now
            self._heard = now
            self.overflows += bool(status.input_overflow)
            blocks.put((data[:, 0].copy(), end))

        def finished() -> None:
            if blocks is self._blocks:
                self._gone = True
                blocks.put(None)

        return module.InputStream(
            samplerate=rate,
            device=device.index,
            channels=1,
            dtype="float32",
            blocksize=round(rate * BLOCK_S),
            latency="low",
            callback=callback,
            finished_callback=finished,
        )

    def _first_block(self, device: InputDevice) -> tuple[np.ndarray, float] | None:
        """The device's first sound; None where the session ended meanwhile. UserError where none comes."""
        try:
            block = self._blocks.get(timeout=FIRST_AFTER_S)
        except queue.Empty:
            block = None
        if block is None and not self._ended.is_set():
            raise UserError(
                "The microphone {name} was opened, but no sound comes from it.",
                portaudio.permission_text(),
                "Plug it in again, or choose another microphone.",
                name=device.name,
            )
        return block

    def _pump(self, rate: int, block: tuple[np.ndarray, float] | None) -> None:
        """Move blocks into the ring until the device falls silent for good or the session ends."""
        import soxr

        resampler = (
            soxr.ResampleStream(rate, RATE, 1, dtype="float32", quality="HQ") if rate != RATE else None
        )
        zeros = 0  # in a row since the beginning; −1 as soon as there was any sound
        while not self._ended.is_set():
            if block is not None:
                samples, end_time = block
                if zeros >= 0:
                    zeros = self._count_zeros(zeros, samples, round(SILENT_AFTER_S * rate))
                if resampler is None:
                    self._ring.write(samples, end_time)
                else:
                    samples = resampler.resample_chunk(samples)
                    # What the resampler holds back is the newest; what it gave is older by as much.
                    self._ring.write(samples, end_time - resampler.delay() / RATE)
            elif self._gone or not self.hearing:
                return
            try:
                block = self._blocks.get(timeout=0.2)
            except queue.Empty:
                block = None

    def _count_zeros(self, zeros: int, samples: np.ndarray, limit: int) -> int:
        """The zeros so far, these samples included; tells when the limit is passed, and when there is sound after that."""
        if samples.any():
            if zeros >= limit:
                self._tell(self._owner._hears_nothing, "")
            return -1
        if zeros < limit <= zeros + len(samples):
            self._tell(self._owner._hears_nothing, portaudio.permission_text())
        return zeros + len(samples)

    def _tell(self, signal: Any, *values: object) -> None:
        try:
            signal.emit(self, *values)
        except RuntimeError:  # the window is gone
            self._ended.set()


def _db(power: float) -> float:
    return 10 * float(np.log10(power)) if power > 0 else float("-inf")
