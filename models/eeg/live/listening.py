"""Who is listened to, second by second: EEG and talkers' tracks as they arrive, decoded and compared over sliding windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from models.eeg.correlation import pearson
from models.eeg.live.causal import CausalEeg, CausalEnvelope
from models.eeg.live.events import WINDOWS_S, Attention, WindowState

if TYPE_CHECKING:
    from models.eeg.decoder import Decoder

EVERY_S = 1.0
WARM_S = 2.0  # at the beginning, while filters and spreads settle


def certainty(decoded: np.ndarray, tracks: np.ndarray, r: np.ndarray) -> float:
    """How sure it is that the best of r [tracks] is the best: by Fisher's z against the second, with as many independent
    samples as the autocorrelations of decoded [n] and tracks [tracks, n] leave (Bartlett 1946)."""
    order = np.argsort(r)[::-1]
    best, second = (np.arctanh(np.clip(r[number], -0.999, 0.999)) for number in order[:2])
    lags = len(decoded) // 2
    common = _autocorrelation(decoded, lags) * _autocorrelation(tracks[order[0]], lags)
    independent = len(decoded) / max(1.0, 1 + 2 * float(common[1:].sum()))
    return float(norm.cdf((best - second) / np.sqrt(2 / max(1.0, independent - 3))))


def _autocorrelation(values: np.ndarray, lags: int) -> np.ndarray:
    centred = values - values.mean()
    spectrum = np.abs(np.fft.rfft(centred, 2 * len(centred))) ** 2
    result = np.fft.irfft(spectrum)[: lags + 1]
    return np.asarray(result / (result[0] or 1.0))


class Listening:
    """Takes blocks of a stream of EEG and one of sound, with when each began on one clock; gives `Attention` each second.

    delay_s: how far what is said lies behind the EEG that has arrived, beyond the windows themselves.
    """

    def __init__(
        self, decoder: Decoder, names: Sequence[str], rate: float, sound_rate: float, tracks: int
    ) -> None:
        """names, rate: of the EEG; sound_rate: of the sounds, or of their envelopes. Raises UserError as `CausalEeg` does."""
        self._decoder, self.tracks = decoder, tracks
        self.rate = decoder.sample_rate
        self._eeg_in = CausalEeg(names, rate, decoder.channel_names, decoder.signal)
        self._sound_in = CausalEnvelope(sound_rate, tracks, decoder.signal)
        self.lacking = self._eeg_in.lacking
        self._rim = decoder.rim
        self._kept = round((max(WINDOWS_S) + 2 * EVERY_S) * self.rate) + self._rim
        self.delay_s = EVERY_S + self._rim / self.rate
        self._eeg = np.zeros((0, len(decoder.channel_names)), np.float32)
        self._envelopes = np.zeros((0, tracks))
        self._eeg_count = self._sound_count = 0  # samples at the decoder's rate, from the first on
        self.begun = False
        self._lead = 0  # samples that the sounds began before the EEG
        self._due = round((min(WINDOWS_S) + WARM_S) * self.rate) + self._rim

    def begin(self, eeg_s: float, sound_s: float) -> None:
        """When the first sample of each was taken, on one clock."""
        self._lead = round((eeg_s - sound_s) * self.rate)
        self.begun = True

    def push_eeg(self, block: np.ndarray) -> None:
        """[n, channels] in µV."""
        ready = self._eeg_in.push(block)
        self._eeg = np.concatenate([self._eeg, ready])[-self._kept :]
        self._eeg_count += len(ready)

    def push_sound(self, block: np.ndarray) -> None:
        """[n, tracks]."""
        ready = self._sound_in.push(block)
        self._envelopes = np.concatenate([self._envelopes, ready])[-2 * self._kept :]
        self._sound_count += len(ready)

    def attention(self) -> Attention | None:
        """What is known now, once a second; None in between, and while either stream has not come so far."""
        now = min(self._eeg_count, self._sound_count - self._lead)
        if not self.begun or now < self._due:
            return None
        self._due = now - now % round(EVERY_S * self.rate) + round(EVERY_S * self.rate)
        eeg = self._eeg[: len(self._eeg) - (self._eeg_count - now)]
        decoded = self._decoder.decode_standardised(eeg)
        decoded = decoded[: len(decoded) - self._rim]
        end = now - self._rim  # of the EEG's samples
        last = max(0, len(self._envelopes) - (self._sound_count - (end + self._lead)))
        first = last - len(decoded)
        envelopes = self._envelopes[max(0, first) : last]
        decoded = decoded[-len(envelopes) :] if len(envelopes) else decoded[:0]
        windows = [
            self._window(decoded, envelopes, length)
            for length in WINDOWS_S
            if min(len(decoded), end - round(WARM_S * self.rate)) >= round(length * self.rate)
        ]
        shown = round(10 * self.rate)
        return Attention(now / self.rate, tuple(windows), decoded[-shown:], envelopes[-shown:])

    def _window(self, decoded: np.ndarray, envelopes: np.ndarray, window_s: float) -> WindowState:
        size = round(window_s * self.rate)
        piece, tracks = decoded[-size:], envelopes[-size:].T
        r = pearson(piece, tracks)
        sure = certainty(piece, tracks, r) if self.tracks > 1 else float("nan")
        return WindowState(window_s, r, int(r.argmax()), sure)
