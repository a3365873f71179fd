"""Separating sound as it comes: the state of a causal network is carried from piece to piece, and nothing is recomputed."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from models.errors import UserError
from models.separation.config import streams
from models.separation.network import ConvTasNet, Past
from models.separation.separator import Separator, level_factors

FloatArray = NDArray[np.float32]
LEVEL_S = 0.1  # after so much more sound the tracks' common level is judged anew
MOST = 2.0  # times as loud as the mixture's loudest sample a track's may be
FIRST_SHARE = 16  # of that long are the first blocks in which it is judged
ZEROS = 10  # of the resampling filter's sinc, on either side of its middle
KAISER = 5.0  # shape of that filter's window


class StreamingSeparator:
    """Gives tracks while the sound comes; what `push` and `finish` return is together as long as what was pushed.

    However the sound is cut, the tracks are those of one causal pass over the whole. A network's tracks have no level of
    their own: each gets the factor with which those up to there add up to the mixture as nearly as can be, as those of a
    file do. That is judged every tenth of a second, oftener in the beginning, and not at all where the model's `match_levels` is false.

    >>> live = StreamingSeparator(Separator.load("causal-run/best"), 16_000)      # doctest: +SKIP
    >>> tracks = live.push(samples)                                               # doctest: +SKIP
    """

    def __init__(self, separator: Separator, sample_rate: int) -> None:
        """sample_rate: of the sound, Hz. Raises UserError for a network that is not causal."""
        self.speakers, self.sample_rate = separator.speakers, sample_rate
        self._device, rate = separator.device.torch, separator.sample_rate
        self._stream = NetworkStream(separator.network)
        self._down, self._up = StreamResampler(sample_rate, rate), StreamResampler(rate, sample_rate)
        self._levels = _Levels(self.speakers, round(LEVEL_S * rate)) if separator.matches_levels else None
        self._pushed = self._given = 0
        self._shape: tuple[int, ...] = ()  # of what was pushed, without the samples
        self.latency_s = (
            separator.network.config.filter_length / rate + self._down.latency_s + self._up.latency_s
        )

    def push(self, samples: FloatArray) -> FloatArray:
        """[samples] or [channels, samples] → [speakers, …the same]: what is finished, `latency_s` behind at most."""
        return self._heard(samples, last=False)

    def finish(self, samples: FloatArray | None = None) -> FloatArray:
        """The rest, after the last `samples`."""
        shape = self._shape if samples is None else np.shape(samples)[:-1]
        return self._heard(np.zeros((*shape, 0), np.float32) if samples is None else samples, last=True)

    def _heard(self, samples: FloatArray, last: bool) -> FloatArray:
        sound = np.atleast_2d(np.asarray(samples, dtype=np.float32))
        self._shape = np.shape(samples)[:-1]
        self._pushed += sound.shape[1]
        inside = self._down.finish(sound) if last else self._down.push(sound)
        inside_tracks = self._separated(inside, last)
        tracks = self._up.finish(inside_tracks) if last else self._up.push(inside_tracks)
        left = self._pushed - self._given
        if last:  # two conversions of the rate may round to another length
            tracks = np.pad(tracks[..., :left], ((0, 0), (0, 0), (0, max(0, left - tracks.shape[-1]))))
        self._given += tracks.shape[-1]
        return tracks if self._shape else tracks[:, 0]

    def _separated(self, inside: FloatArray, last: bool) -> FloatArray:
        """[channels, samples] at the network's rate → [speakers, channels, samples]."""
        mono = inside.mean(axis=0)
        given = torch.from_numpy(mono[None] if len(inside) == 1 else np.concatenate([mono[None], inside]))
        pieces = [self._stream.push(given.to(self._device))]
        if last:
            pieces.append(self._stream.finish())
        tracks: FloatArray = torch.cat(pieces, -1).cpu().numpy()
        if self._levels is not None:
            self._levels.hear(mono)
            tracks = self._levels.given(tracks)
        return tracks if len(inside) == 1 else tracks[:, 1:]


class NetworkStream:
    """One sound through a causal network, piece by piece: together what the network gives of all of it at once.

    Channels are those of one sound: the first decides on the masks, which are applied to all.
    """

    def __init__(self, network: ConvTasNet) -> None:
        config = network.config
        if not streams(asdict(config)):
            raise UserError(
                "This model cannot separate sound as it comes.",
                "It also listens to what follows; only a causal model looks back alone.",
                "Choose a causal model, such as bundled-causal, which ships, or train one with the preset causal.",
            )
        self._network, self._past = network, Past()
        self._length, self._stride = config.filter_length, config.stride
        self._waiting: Tensor | None = None  # samples from the next frame's first on
        self._unfinished: Tensor | None = None  # tracks to which frames still to come will add
        self._silent = network.framing(1)[
            0
        ]  # samples before the sound's first that are still to be taken off
        self._pushed = self._given = 0

    @torch.inference_mode()
    def push(self, sound: Tensor) -> Tensor:
        """Go on by [channels, samples]; what is finished of the tracks, [speakers, channels, samples]."""
        self._pushed += sound.shape[1]
        before = pad(sound[:, :0], (self._silent, 0)) if self._waiting is None else self._waiting
        self._waiting = torch.cat([before, sound], 1)
        return self._cut(self._frames())

    @torch.inference_mode()
    def finish(self) -> Tensor:
        """The rest of the tracks."""
        assert self._waiting is not None, "nothing was pushed"
        before, frames = self._network.framing(self._pushed)
        used = (frames - 1) * self._stride + self._length
        self._waiting = pad(self._waiting, (0, max(0, used - before - self._pushed)))
        tracks = self._frames()
        if self._unfinished is not None:
            tracks = torch.cat([tracks, self._unfinished], -1)
        left = self._pushed - self._given + self._silent
        return self._cut(pad(tracks[..., :left], (0, max(0, left - tracks.shape[-1]))))

    def _cut(self, tracks: Tensor) -> Tensor:
        """Without the silence before the sound."""
        cut = min(self._silent, tracks.shape[-1])
        self._silent -= cut
        self._given += tracks.shape[-1] - cut
        return tracks[..., cut:]

    def _frames(self) -> Tensor:
        """What all whole frames that wait finish, [speakers, channels, samples]."""
        assert self._waiting is not None
        channels, waiting = self._waiting.shape
        frames = (waiting - self._length) // self._stride + 1 if waiting >= self._length else 0
        if not frames:
            return self._waiting.new_zeros((self._network.config.speakers, channels, 0))
        used, finished = (frames - 1) * self._stride + self._length, frames * self._stride
        coded = self._network.encode_frames(self._waiting[:, :used])
        masks = self._network.mask_generator(coded[:1], self._past)
        tracks = self._network.decode_frames(coded, masks).transpose(0, 1).contiguous()
        if self._unfinished is not None:
            tracks[..., : self._unfinished.shape[-1]] += self._unfinished
        self._unfinished, self._waiting = tracks[..., finished:], self._waiting[:, finished:]
        return tracks[..., :finished]


class _Levels:
    """The factors that bring tracks to their level in the mixture, those of a whole recording, from the sound up to there.

    It is judged block by block, and reached over the next one. A network's own level may be a hundred times the mixture's, so
    tracks are silent until something was heard to judge by; the first blocks are short, that this takes milliseconds.
    """

    def __init__(self, speakers: int, block: int) -> None:
        self._longest, self._block = block, max(1, block // FIRST_SHARE)
        self._mixture = np.zeros(0, np.float32)  # of which no tracks have come yet
        self._place = 0  # samples into the block
        self._products, self._with_mixture = np.zeros((speakers, speakers)), np.zeros(speakers)
        self._energy = 0.0
        self._before = self._now = np.zeros(speakers)
        self._loudest, self._loudest_track = np.zeros(1), np.zeros(speakers)  # samples so far

    def hear(self, mixture: FloatArray) -> None:
        """What goes into the network, [samples]."""
        self._mixture = np.concatenate([self._mixture, mixture])

    def given(self, tracks: FloatArray) -> FloatArray:
        """The tracks that came out of it, [speakers, channels, samples], at their level; the first channel decides."""
        result = np.empty_like(tracks)
        done = 0
        while done < tracks.shape[-1]:
            count = min(self._block - self._place, tracks.shape[-1] - done)
            part = tracks[..., done : done + count]
            share = (self._place + np.arange(count)) / self._block
            deciding = part[:, 0].astype(np.float64)
            mixed, self._mixture = self._mixture[:count], self._mixture[count:]
            factors = self._before[:, None] + share * (self._now - self._before)[:, None]
            result[..., done : done + count] = part * self._bounded(factors, mixed, deciding)[:, None]
            self._products += deciding @ deciding.T
            self._with_mixture += deciding @ mixed
            self._energy += float(np.square(mixed, dtype=np.float64).sum())
            self._place += count
            done += count
            if self._place == self._block:
                self._place, self._before = 0, self._now
                if self._products.sum() > 0 and self._with_mixture.sum():
                    self._now = level_factors(self._products, self._with_mixture, self._energy)
                    self._block = min(2 * self._block, self._longest)
        return result

    def _bounded(
        self, factors: NDArray[np.float64], mixed: FloatArray, tracks: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The factors [speakers, samples], none greater than brings the loudest sample of its track so far to `MOST` times the
        mixture's: a network that was faint so far may not be any more."""
        loudest = _greatest(self._loudest, mixed[None])
        loudest_track = _greatest(self._loudest_track, tracks)
        self._loudest, self._loudest_track = loudest[:, -1], loudest_track[:, -1]
        most = MOST * loudest / np.maximum(loudest_track, np.finfo(np.float64).tiny)
        return np.clip(factors, -most, most)


def _greatest(before: NDArray[np.float64], sound: NDArray[Any]) -> NDArray[np.float64]:
    """How far [rows, samples] has been from 0 up to each sample, and before: [rows, samples]."""
    magnitudes = np.abs(sound).astype(np.float64)
    return np.maximum.accumulate(np.concatenate([before[:, None], magnitudes], axis=1), axis=1)[:, 1:]


class StreamResampler:
    """Another sample rate for sound that comes bit by bit: a windowed sinc, milliseconds behind.

    soxr's streams work on blocks of a tenth of a second, which is too much for what is heard live. The filter is that of
    `scipy.signal.resample_poly`, and so is the result, however the sound is cut.
    """

    def __init__(self, rate: int, new_rate: int) -> None:
        from scipy.signal import firwin

        common = math.gcd(rate, new_rate)
        self._up, self._down = new_rate // common, rate // common
        largest = max(self._up, self._down)
        self._half = ZEROS * largest if rate != new_rate else 0
        self._filter = (
            firwin(2 * self._half + 1, 1 / largest, window=("kaiser", KAISER)) * self._up
            if self._half
            else np.ones(1)
        ).astype(np.float32)
        self.latency_s = self._half / (self._up * rate)
        self._kept: FloatArray | None = None  # the last samples, from `_first` on
        self._first = self._pushed = self._given = 0

    def push(self, sound: FloatArray) -> FloatArray:
        """Go on by [..., samples]; what is finished at the new rate."""
        if not self._half:
            return sound
        self._kept = sound if self._kept is None else np.concatenate([self._kept, sound], axis=-1)
        self._pushed += sound.shape[-1]
        # Sample m of the result is made of those up to (m · down + half) / up.
        return self._up_to((self._pushed * self._up - 1 - self._half) // self._down + 1)

    def finish(self, sound: FloatArray) -> FloatArray:
        """The last [..., samples] and what silence after them lets be finished."""
        if not self._half:
            return sound
        first = self.push(sound)
        rest = self._up_to(-(-self._pushed * self._up // self._down))
        return np.concatenate([first, rest], axis=-1)

    def _up_to(self, count: int) -> FloatArray:
        """The samples of the result from those given before up to `count`."""
        from scipy.signal import upfirdn

        assert self._kept is not None
        if count <= self._given:
            return self._kept[..., :0].copy()
        # upfirdn's first result is in step with ours where so many samples before it are whole steps of the result
        least = max(0, (self._given * self._down - self._half) // self._up) // self._down * self._down
        self._kept, self._first = self._kept[..., least - self._first :], least
        offset = least * self._up  # of the first kept sample, counted at both rates' common multiple
        front = self._half - self._down * (self._half // self._down)
        taps = np.concatenate([np.zeros(self._down - front if front else 0, np.float32), self._filter])
        made = upfirdn(taps, self._kept, self._up, self._down)
        shift = -(-self._half // self._down) - offset // self._down
        result = made[..., self._given + shift : count + shift]
        lacking = count - self._given - result.shape[-1]
        self._given = count
        return np.pad(result, [(0, 0)] * (result.ndim - 1) + [(0, lacking)]).astype(np.float32)
