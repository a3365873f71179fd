"""A long sound through a network in overlapping windows: who is who is kept, and the joints are not heard."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Sound = NDArray[np.float32]
BANDS = 40  # of a voice's profile
PROFILE_WEIGHT = 0.1  # against the overlap's correlation, which is up to 1
FRAME = 512  # samples of a profile's spectra


class WindowJoiner:
    """Takes sound block by block and gives tracks block by block, delayed by less than a window.

    separate: [channels, samples] → [speakers, channels, samples]. What `push` and `finish` return adds up to exactly
    the samples that were pushed. Memory is that of one window, however long the sound.
    """

    def __init__(self, separate: Callable[[Sound], Sound], window: int, overlap: int) -> None:
        if not 0 < overlap <= window // 2:
            raise ValueError(f"an overlap of {overlap} does not suit windows of {window} samples")
        self._separate, self._window, self._overlap = separate, window, overlap
        self._heard: Sound | None = None  # the last samples pushed: at most a window, and what waits
        self._waiting = 0  # samples at the end of `_heard` that no window has held
        self._tail: Sound | None = None  # the last window's end, not yet given out
        self._voices: _Voices | None = None

    def push(self, block: Sound) -> list[Sound]:
        """Go on by [channels, samples]; returns the finished stretches [speakers, channels, samples]."""
        self._heard = block if self._heard is None else np.concatenate([self._heard, block], axis=1)
        self._waiting += block.shape[1]
        finished = []
        hop = self._window - self._overlap
        # One more sample than needed: the last window is for `finish`, which can let it reach further back.
        while self._waiting > (self._window if self._tail is None else hop):
            new = self._window if self._tail is None else hop
            end = self._heard.shape[1] - self._waiting + new
            tracks = self._ordered(self._separate(self._heard[:, end - self._window : end]), self._overlap)
            self._waiting -= new
            finished.append(self._joined(tracks, self._overlap)[..., : -self._overlap])
            self._tail = tracks[..., -self._overlap :]
            self._heard = self._heard[:, max(0, end - self._window) :]
        return finished

    def finish(self) -> list[Sound]:
        """The rest."""
        if self._heard is None or not self._heard.shape[1]:
            return []
        if self._tail is None:
            return [self._separate(self._heard)]
        if not self._waiting:
            return [self._tail]
        last = self._heard[:, -self._window :]
        shared = last.shape[1] - self._waiting  # samples of it that were heard before
        tracks = self._ordered(self._separate(last), shared)
        return [self._joined(tracks[..., shared - self._overlap :], self._overlap)]

    def _joined(self, tracks: Sound, overlap: int) -> Sound:
        """The window's tracks with their head faded in over the tail of those before."""
        if self._tail is not None:
            rise = ((np.arange(overlap) + 0.5) / overlap).astype(np.float32)
            tracks = tracks.copy()
            tracks[..., :overlap] = tracks[..., :overlap] * rise + self._tail * (1 - rise)
        return tracks

    def _ordered(self, tracks: Sound, shared: int) -> Sound:
        """The tracks in the lanes of those before; `shared` samples of the window's head were in the last one."""
        if self._voices is None:
            self._voices = _Voices(tracks)
            return tracks
        if self._tail is not None:
            head = tracks[..., :shared][..., -self._overlap :]
            scores = _agreement(self._tail, head) + PROFILE_WEIGHT * self._voices.likeness(tracks)
            tracks = tracks[linear_sum_assignment(scores, maximize=True)[1]]
        self._voices.learn(tracks)
        return tracks


def _agreement(before: Sound, after: Sound) -> NDArray[np.float64]:
    """[lane, track]: correlation on the overlap, as a share of all its energy."""
    left = before.reshape(len(before), -1).astype(np.float64)
    right = after.reshape(len(after), -1).astype(np.float64)
    whole = np.sqrt(np.square(left).sum() * np.square(right).sum())
    return left @ right.T / whole if whole > 1e-9 else np.zeros((len(left), len(right)))


class _Voices:
    """What each lane has sounded like on the whole: for windows whose overlap is silent."""

    def __init__(self, tracks: Sound) -> None:
        self._sums = np.zeros((len(tracks), BANDS))
        self._weights = np.zeros(len(tracks))
        self.learn(tracks)

    def learn(self, tracks: Sound) -> None:
        for lane, (profile, weight) in enumerate(map(_profile, tracks)):
            self._sums[lane] += weight * profile
            self._weights[lane] += weight

    def likeness(self, tracks: Sound) -> NDArray[np.float64]:
        """[lane, track]: correlation of the lanes' profiles with the tracks', lanes' common part taken off."""
        known = self._sums / np.maximum(self._weights, 1e-9)[:, None]
        result = np.stack([_profile(track)[0] for track in tracks])
        known, result = known - known.mean(0), result - result.mean(0)
        sizes = np.linalg.norm(known, axis=1)[:, None] * np.linalg.norm(result, axis=1)[None]
        return known @ result.T / np.maximum(sizes, 1e-9)


def _profile(track: Sound) -> tuple[NDArray[np.float64], float]:
    """(mean log spectrum of what is heard in [channels, samples], in bands; how many frames that is)."""
    sound = track.mean(axis=0)
    if len(sound) < FRAME:
        return np.zeros(BANDS), 0.0
    frames = np.lib.stride_tricks.sliding_window_view(sound, FRAME)[:: FRAME // 2] * np.hanning(FRAME)
    power = np.square(np.abs(np.fft.rfft(frames, axis=1)))
    loud = power.sum(axis=1)
    audible = power[loud > 0.05 * loud.mean()]
    if not len(audible) or loud.mean() < 1e-9:
        return np.zeros(BANDS), 0.0
    edges = np.unique(np.geomspace(2, FRAME // 2, BANDS + 1).astype(int))
    bands = np.add.reduceat(audible, edges[:-1], axis=1) if len(edges) > 2 else audible
    profile = np.log(bands + 1e-9 * loud.mean()).mean(axis=0)
    return np.pad(profile - profile.mean(), (0, BANDS - len(profile))), float(len(audible))
