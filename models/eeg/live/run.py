"""A session with streams: read, recorded, decoded and told, in a thread of its own until it is ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.checkpoint import cannot_write
from models.eeg.live import lsl
from models.eeg.live.events import Arrived, Attention, AttentionChanged, Changed, Event
from models.eeg.live.listening import Listening
from models.eeg.live.steering import Steering
from models.eeg.live.xdf import XdfWriter
from models.errors import UserError

if TYPE_CHECKING:
    from models.eeg.decoder import Decoder

TICK_S = 0.05


class LiveRun(threading.Thread):
    """Tells `tell` of every event, from its own thread. window_s: by which attention is steered."""

    def __init__(
        self, decoder: Decoder, eeg: lsl.Inlet, sound: lsl.Inlet, tell: Callable[[Event], None]
    ) -> None:
        """Raises UserError where the streams do not fit the decoder."""
        super().__init__(name="eeg live", daemon=True)
        self._decoder, self._inlets, self._tell = decoder, (eeg, sound), tell
        self.steering = Steering(len(sound.names))
        self.window_s = 10.0
        self.sound_rate = sound.rate
        self.listening = self._fresh()
        self._starts = [float("nan")] * 2
        self._writer: XdfWriter | None = None
        self._numbers: list[int] = []
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._busy = 0.0

    def record(self, path: Path | None) -> None:
        """Into an XDF from now on; None ends that. Raises UserError."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()
            self._writer = None
            if path is not None:
                writer = XdfWriter(path)
                eeg, sound = self._inlets
                self._numbers = [
                    writer.add(eeg.stream.name, "EEG", eeg.names, eeg.rate, unit="microvolts"),
                    writer.add(sound.stream.name, "Audio", sound.names, sound.rate),
                ]
                self._writer = writer

    def mark(self, text: str) -> None:
        """A marker into the recording, now."""
        with self._lock:
            if self._writer is not None:
                self._writer.mark(text, lsl.clock())

    def end(self) -> None:
        """Ends the thread; the recording is closed."""
        self._done.set()
        if self.is_alive():
            self.join(5.0)

    def run(self) -> None:
        """The thread."""
        before = time.monotonic(), time.thread_time()
        try:
            while not self._done.wait(TICK_S):
                self._turn()
                wall, computed = time.monotonic(), time.thread_time()
                share = (computed - before[1]) / max(1e-3, wall - before[0])
                self._busy += 0.05 * (share - self._busy)
                before = wall, computed
        except UserError as error:
            self._tell(error)
        finally:
            self.record(None)
            for inlet in self._inlets:
                inlet.close()

    def _turn(self) -> None:
        blocks = [self._pulled(number) for number in range(2)]
        if any(inlet.broken and len(block) for inlet, block in zip(self._inlets, blocks, strict=True)):
            self.listening, self._starts = self._fresh(), [float("nan")] * 2
        for number, (inlet, block) in enumerate(zip(self._inlets, blocks, strict=True)):
            if len(block) and np.isnan(self._starts[number]):
                self._starts[number] = inlet.block_s
        self.listening.push_eeg(blocks[0])
        self.listening.push_sound(blocks[1])
        if not self.listening.begun and np.isfinite(self._starts).all():
            self.listening.begin(*self._starts)
        if any(map(len, blocks)):
            healths = [replace(inlet.health) for inlet in self._inlets]
            self._tell(
                Arrived(blocks[0], blocks[1], self.steering.gains(TICK_S), healths[0], healths[1], self._busy)
            )
        attention = self.listening.attention()
        if attention is not None:
            self._say(attention)

    def _pulled(self, number: int) -> np.ndarray:
        inlet = self._inlets[number]
        was_lost = inlet.health.lost
        block = inlet.pull()
        if inlet.health.lost != was_lost:
            self._tell(Changed(inlet.stream.name, inlet.health.lost))
            self.mark(("lost " if inlet.health.lost else "back ") + inlet.stream.name)
        with self._lock:
            if self._writer is not None and len(block):
                try:
                    self._writer.samples(self._numbers[number], block, inlet.block_s, inlet.rate)
                except UserError as error:
                    self._writer = None
                    self._tell(error)
                except OSError as error:
                    self._writer = None
                    self._tell(cannot_write(Path(inlet.stream.name), error))
        return block

    def _say(self, attention: Attention) -> None:
        state = attention.window(self.window_s)
        before = self.steering.followed
        followed = before
        if state is not None and len(self._inlets[1].names) > 1:
            followed = self.steering.decide(state.chosen, state.certainty, attention.time_s)
            if followed != before:
                self.mark(f"listens to {self._inlets[1].names[followed or 0]}")
        self._tell(AttentionChanged(attention, followed))

    def _fresh(self) -> Listening:
        eeg, sound = self._inlets
        return Listening(self._decoder, eeg.names, eeg.rate, sound.rate, len(sound.names))
