"""Several sounds mixed into one while they play: each with its gain, all at one place, every change without a click.

A thread reads the files ahead (`Lanes`) and hands what it read to the `Mixer`; the audio callback pulls from that. Gains
change over a short ramp; before a jump or a pause the sound fades out, after it the sound fades in.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.sound import open_sound

RAMP_S = 0.012  # from silence to full; shorter ones are heard as a click, longer ones as a fade
BLOCK_S = 0.05
AHEAD_S = 0.6  # what is read before it is heard
KEPT_S = 4.0  # how long it is remembered what was given to the device when

Region = tuple[float, float]


@dataclass(frozen=True)
class Block:
    """sound: float32 [frames, lanes, channels]; `place_s`: where its first frame lies. `turn` counts the jumps."""

    turn: int
    place_s: float
    sound: np.ndarray
    last: bool


@dataclass(frozen=True)
class _Given:
    turn: int
    heard_at: float  # of its first frame, on the clock of `time.monotonic`
    place_s: float
    length_s: float


class Mixer:
    """`feed` and `room` are for the reading thread, `pull` for the audio callback, the rest for the window."""

    def __init__(self, lanes: int, rate: int, channels: int, gains: Sequence[float]) -> None:
        self.rate, self.channels = rate, channels
        self.over = False  # everything was pulled
        self.paused = False
        self.turn = 0
        self._goals = np.asarray(gains, np.float32)
        self._gains = self._goals.copy()
        self._master = 0.0
        self._step = 1.0 / max(1, round(RAMP_S * rate))
        self._blocks: deque[Block] = deque()
        self._block: Block | None = None
        self._at = 0
        self._given: deque[_Given] = deque()
        self._floor_s = 0.0
        self._lock = threading.Lock()
        assert len(self._goals) == lanes

    def set_gains(self, gains: Sequence[float]) -> None:
        """One factor a lane; reached over the ramp."""
        self._goals = np.asarray(gains, np.float32)

    def jump(self, place_s: float) -> int:
        """From now on only blocks of the new turn, which is returned, are wanted; they begin at `place_s`."""
        with self._lock:
            self.turn += 1
            self._floor_s = place_s
            self.over = False
            return self.turn

    def room(self) -> bool:
        """Whether the reading thread should read on."""
        with self._lock:
            waiting = sum(len(block.sound) for block in self._blocks if block.turn == self.turn)
        return waiting < AHEAD_S * self.rate

    def feed(self, block: Block) -> None:
        """Put a block at the end of what is to be heard. Called in the reading thread."""
        with self._lock:
            self._blocks.append(block)

    def position_s(self, now: float) -> float:
        """What is heard at that moment, seconds from the beginning of the files."""
        with self._lock:
            place = self._floor_s
            for given in self._given:
                if given.turn == self.turn and given.heard_at <= now:
                    place = given.place_s + min(now - given.heard_at, given.length_s)
            return place

    def pull(self, count: int, heard_at: float) -> np.ndarray:
        """The next `count` frames, float32 [count, channels], of which the first is heard at that time."""
        out = np.zeros((count, self.channels), np.float32)
        with self._lock:
            while len(self._given) > 1 and self._given[1].heard_at < heard_at - KEPT_S:
                self._given.popleft()
            done = 0
            while done < count:
                block = self._next()
                if block is None:
                    break
                done += self._mix(block, out[done:], heard_at + done / self.rate)
        return np.clip(out, -1.0, 1.0, out=out)

    def _next(self) -> Block | None:
        """The block to go on with; None where there is nothing to be heard now."""
        while True:
            block = self._block
            if block is not None and self._at >= len(block.sound):
                self._block = block = None
            if block is None:
                if not self._blocks:
                    self._master = 0.0  # what comes after a hole fades in
                    return None
                self._block, self._at = self._blocks.popleft(), 0
                continue
            stale = block.turn != self.turn
            if stale and self._master <= 0.0:
                self._block = None
                continue
            return None if self.paused and self._master <= 0.0 else block

    def _mix(self, block: Block, out: np.ndarray, heard_at: float) -> int:
        """Write the mixture of what is left of a block into `out`; how many frames that were."""
        leaving = self.paused or block.turn != self.turn
        count = min(len(out), len(block.sound) - self._at)
        if leaving:
            count = min(count, max(1, int(np.ceil(self._master / self._step))))
        steps = np.arange(1, count + 1, dtype=np.float32) * self._step
        master = np.maximum(self._master - steps, 0.0) if leaving else np.minimum(self._master + steps, 1.0)
        way = self._goals - self._gains
        gains = self._gains + np.sign(way) * np.minimum(np.abs(way), steps[:, None])
        sound = block.sound[self._at : self._at + count]
        np.einsum("flc,fl->fc", sound, gains * master[:, None], out=out[:count])
        place_s = block.place_s + self._at / self.rate
        if not leaving or block.turn == self.turn:
            self._given.append(_Given(block.turn, heard_at, place_s, count / self.rate))
        self._at += count
        self._master, self._gains = float(master[-1]), gains[-1]
        self.over = block.last and block.turn == self.turn and self._at >= len(block.sound)
        return count


class Lanes:
    """The files behind a mixer, read together block by block, at the mixer's rate."""

    def __init__(self, paths: Sequence[Path], rate: int, channels: int) -> None:
        """Raises UserError where a file cannot be read."""
        self._files = [_LaneFile(path, rate, channels) for path in paths]
        self._rate, self._channels = rate, channels
        self.frames = max((file.frames for file in self._files), default=0)
        self._place = 0
        self.stretch: Region | None = None  # what is played of it …
        self.again = True  # … over and over, or once

    def seek(self, place_s: float) -> None:
        """Read on from another place, seconds from the beginning, kept within the files."""
        self._place = max(0, min(round(place_s * self._rate), self.frames - 1))
        for file in self._files:
            file.seek(self._place)

    def read(self, turn: int) -> Block | None:
        """The next block; None at the end. A stretch that is played again has none. Past its end it means nothing."""
        ends = self.frames
        within = None
        if self.stretch is not None:
            first, last = (min(round(t * self._rate), self.frames) for t in self.stretch)
            if first < last and self._place < last:
                within, ends = (first, last), last
        if self._place >= ends:
            return None
        count = min(max(1, round(BLOCK_S * self._rate)), ends - self._place)
        sound = np.stack([file.read(count) for file in self._files], axis=1)
        place = self._place
        self._place += count
        at_end = self._place >= ends
        if within is not None:
            self._fade_at_the_seam(sound, place, *within)
            if at_end and self.again:
                self.seek(within[0] / self._rate)
            elif at_end:
                self._place = self.frames  # nothing comes after it
        last_one = at_end and (within is None or not self.again)
        return Block(turn, place / self._rate, sound, last_one)

    def close(self) -> None:
        """Let go of the files."""
        for file in self._files:
            file.close()

    def _fade_at_the_seam(self, sound: np.ndarray, place: int, first: int, last: int) -> None:
        """Where a stretch begins again, or ends, the sound would jump."""
        ramp = max(1, min(round(RAMP_S / 2 * self._rate), (last - first) // 2))
        frames = place + np.arange(len(sound))
        inner = np.where(frames >= first, (frames - first) / ramp, 1.0)
        factor = np.clip(np.minimum(inner, (last - 1 - frames) / ramp), 0.0, 1.0)
        sound *= factor.astype(np.float32)[:, None, None]


class _LaneFile:
    """One file at a rate and number of channels; silence after its end."""

    def __init__(self, path: Path, rate: int, channels: int) -> None:
        self._file = open_sound(path)  # says in words what is wrong with a file
        self._rate, self._channels = rate, channels
        self._own_rate = self._file.samplerate
        self.frames = -(-self._file.frames * rate // self._own_rate)
        self._stream: object | None = None
        self._ready = np.zeros((0, channels), np.float32)
        self._ended = False
        self.seek(0)

    def seek(self, place: int) -> None:
        import soxr

        self._file.seek(min(self._file.frames, round(place * self._own_rate / self._rate)))
        self._ready = self._ready[:0]
        self._ended = False
        if self._own_rate != self._rate:
            self._stream = soxr.ResampleStream(self._own_rate, self._rate, self._channels, dtype="float32")

    def read(self, count: int) -> np.ndarray:
        """float32 [count, channels]."""
        parts, have = [self._ready], len(self._ready)
        while have < count and not self._ended:
            part = self._more(count - have)
            parts.append(part)
            have += len(part)
        sound = np.concatenate(parts)
        self._ready = sound[count:]
        if len(sound) < count:
            sound = np.pad(sound, ((0, count - len(sound)), (0, 0)))
        return sound[:count]

    def _more(self, count: int) -> np.ndarray:
        wanted = max(1, round(count * self._own_rate / self._rate))
        sound = self._file.read(wanted)
        self._ended = len(sound) < wanted
        if sound.shape[1] != self._channels:
            sound = np.repeat(sound.mean(axis=1, keepdims=True), self._channels, axis=1)
        if not np.isfinite(sound).all():
            sound = np.nan_to_num(sound, nan=0.0, posinf=1.0, neginf=-1.0)
        if self._stream is None:
            return sound
        made: np.ndarray = self._stream.resample_chunk(sound, last=self._ended)  # type: ignore[attr-defined]
        return made.reshape(-1, self._channels)

    def close(self) -> None:
        self._file.close()
