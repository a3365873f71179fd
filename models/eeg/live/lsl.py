"""Streams of the lab streaming layer: found, described, read with their clock, lost and found again."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from models.errors import UserError

if TYPE_CHECKING:
    from mne_lsl.lsl import StreamInlet
    from mne_lsl.lsl.stream_info import _BaseStreamInfo as Info

OPEN_S = 5.0  # for a stream to answer
LOST_AFTER_S = 1.0  # without a sample
MOST_AT_ONCE = 1 << 16  # samples of a pull
OFFSET_EVERY_S = 5.0  # the other machine's clock is asked
UNITS = {"volts": 1e6, "volt": 1e6, "v": 1e6, "millivolts": 1e3, "mv": 1e3, "nanovolts": 1e-3, "nv": 1e-3}
SOUND_TYPES = ("audio", "envelope")


@dataclass(frozen=True)
class Stream:
    """A stream that is offered now. rate: Hz, 0 where it is irregular."""

    name: str
    kind: str
    source_id: str
    channels: int
    rate: float
    host: str
    info: Info = field(repr=False, compare=False)

    @property
    def is_sound(self) -> bool:
        return self.kind.lower() in SOUND_TYPES

    @property
    def is_eeg(self) -> bool:
        return self.rate > 0 and not self.is_sound and self.kind.lower() != "markers"


def find(timeout_s: float = 1.0) -> list[Stream]:
    """All streams in the network, by name. Takes `timeout_s`. Raises UserError where the layer cannot be used."""
    streams = library().resolve_streams(timeout=timeout_s)
    result = [
        Stream(s.name, s.stype, s.source_id, int(s.n_channels), float(s.sfreq), s.hostname, s)
        for s in streams
    ]
    return sorted(result, key=lambda item: (item.name, item.source_id))


def clock() -> float:
    """The layer's clock on this machine, s."""
    return float(library().local_clock())


def library() -> ModuleType:
    """The layer. Raises UserError where it cannot be loaded."""
    try:
        from mne_lsl import lsl
    except (ImportError, OSError, RuntimeError) as error:
        raise UserError(
            "Streams cannot be used on this machine.",
            "The lab streaming layer could not be loaded: {reason}.",
            "Install the package mne-lsl, which brings it along.",
            reason=str(error).rstrip("."),
        ) from error
    return lsl


@dataclass
class Health:
    """How a stream is doing. dropped: samples that never came, by their times. offset_s: of the other machine's clock.

    lost: nothing has come for a second; gaps: how often that was over again.
    """

    samples: int = 0
    dropped: int = 0
    gaps: int = 0
    lost: bool = False
    offset_s: float = 0.0
    rate: float = 0.0  # as it comes, Hz


class Inlet:
    """One stream, read. Samples that were dropped are filled in with the last one, so that time runs on evenly.

    names, rate: of its channels; scale: [channels] to µV, or 1. block_s: when the first sample of the last block was
    taken, on this machine's clock. broken: whether more than a second is missing before it, which is not filled in.
    """

    def __init__(self, stream: Stream) -> None:
        """Raises UserError where it does not answer, or has no fixed rate."""
        if stream.rate <= 0:
            raise UserError(
                "{name} has no fixed rate.",
                "Its samples come when they like, as markers do.",
                "Choose the stream of the amplifier.",
                name=stream.name,
            )
        self.stream, self.rate, self.health = stream, stream.rate, Health()
        self._again: StreamInlet | None = None  # an inlet of the stream that came back
        self._search: threading.Thread | None = None
        try:
            self._inlet = _opened(stream.info)
            info = self._inlet.get_sinfo(timeout=OPEN_S)
        except (TimeoutError, RuntimeError, OSError) as error:
            raise UserError(
                "The stream {name} does not answer.",
                "It was offered, and could not be opened within five seconds.",
                "Start it again in the amplifier's program, then look again.",
                name=stream.name,
            ) from error
        named = info.get_channel_names() or []
        self.names = tuple(
            str(name or f"E{number + 1}") for number, name in enumerate(named or [""] * stream.channels)
        )
        self.named = bool(named) and all(named)
        units = info.get_channel_units() or [""] * stream.channels
        self.scale = np.array([UNITS.get(str(unit).lower(), 1.0) for unit in units])
        self.block_s, self.broken = float("nan"), False
        self._next_s = float("nan")
        self._last: np.ndarray | None = None
        self._heard_at = time.monotonic()
        self._asked_at = 0.0
        self._recent: list[tuple[float, int]] = []

    def pull(self) -> np.ndarray:
        """float32 [n, channels] in µV (sounds as they are) of what has come since the last time; empty where nothing has."""
        now = time.monotonic()
        if self._again is not None:
            threading.Thread(target=self._inlet.close_stream, daemon=True).start()  # which takes seconds
            self._inlet, self._again = self._again, None
        try:
            values, times = self._inlet.pull_chunk(timeout=0.0, max_samples=MOST_AT_ONCE)
        except (RuntimeError, OSError, TimeoutError):  # the stream's end was noticed
            times = ()
        if not len(times):
            self.health.lost = now - self._heard_at > LOST_AFTER_S
            if self.health.lost and (self._search is None or not self._search.is_alive()):
                self._search = threading.Thread(target=self._look_again, name="lsl search", daemon=True)
                self._search.start()
            return np.zeros((0, len(self.names)), np.float32)
        if self.health.lost:
            self.health.gaps += 1
        self.health.lost, self._heard_at = False, now
        self._ask_clock(now)
        block = np.asarray(values, np.float32) * self.scale.astype(np.float32)
        return self._on_grid(np.nan_to_num(block), np.asarray(times, float), now)

    def _on_grid(self, block: np.ndarray, times: np.ndarray, now: float) -> np.ndarray:
        if self._last is None:
            self._next_s = float(times[0])
        self.broken, self.block_s = False, self._next_s
        missing = round((float(times[-1]) - self._next_s) * self.rate) - (len(times) - 1)
        before = self._last if self._last is not None else block[0]
        self._last = block[-1]
        self.health.samples += len(block)
        self._recent = [*((at, n) for at, n in self._recent if now - at < 5.0), (now, len(block))]
        span = now - self._recent[0][0]
        self.health.rate = sum(n for _, n in self._recent[1:]) / span if span > 1 else 0.0
        # Times jitter by a sample or two; what is a tenth of a second late was lost on the way.
        if missing > max(2, 0.1 * self.rate):
            self.health.dropped += missing
            self.broken = missing > LOST_AFTER_S * self.rate
            if self.broken:
                self.block_s = self._next_s = float(times[-1]) - (len(times) - 1) / self.rate
            else:
                block = np.concatenate([np.repeat(before[None], missing, axis=0), block])
        # The clock is followed slowly: a stream is never quite as fast as it says.
        self._next_s += len(block) / self.rate
        late = float(times[-1]) + 1 / self.rate - self._next_s
        self._next_s += 0.02 * late if abs(late) < 0.1 else 0.0
        return block

    def _look_again(self) -> None:
        """liblsl's own recovery waits for a watchdog, and may wait for ever where source and reader are one program."""
        info = self.stream
        with contextlib.suppress(TimeoutError, RuntimeError, OSError):
            streams = library().resolve_streams(timeout=1.0, name=info.name, source_id=info.source_id)
            fitting = [s for s in streams if (s.n_channels, s.sfreq) == (info.channels, info.rate)]
            if fitting and self.health.lost:
                self._again = _opened(fitting[0])

    def _ask_clock(self, now: float) -> None:
        if now - self._asked_at < OFFSET_EVERY_S:
            return
        self._asked_at = now
        try:
            self.health.offset_s = float(self._inlet.time_correction(timeout=0.2))
        except (TimeoutError, RuntimeError, OSError):
            return

    def close(self) -> None:
        """Nothing is read any more."""
        if self._search is not None:
            self._search.join(OPEN_S)
        self._inlet.close_stream()


def _opened(info: Info) -> StreamInlet:
    inlet: StreamInlet = library().StreamInlet(info, recover=False, processing_flags=["clocksync"])
    inlet.open_stream(timeout=OPEN_S)
    return inlet
