"""How near separated tracks come to their references, in float64.

SI-SDR and SDR follow Le Roux et al. (ICASSP 2019) and, for SDR, BSS Eval's 512-tap filter (Vincent et al. 2006) as
`torchmetrics` computes it; STOI (Taal et al. 2011) is `pystoi`'s, PESQ (ITU-T P.862) that of the package `pesq`, where
they are installed. Nothing here is NaN or infinite: figures end at ±`LIMIT_DB`, and are None where they mean nothing.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from models.errors import UserError
from models.separation.results import TrackScores

FloatArray = NDArray[np.floating]
LIMIT_DB = 100.0  # what is nearer than this is the same sound
SILENCE = 1e-10  # mean square under which a sound is silence
STOI_SHORTEST_S = 0.4  # of speech: fewer than thirty frames have no STOI


def si_sdr(estimate: FloatArray, reference: FloatArray) -> float | None:
    """Scale-invariant SDR in dB, means taken off; None where the reference is silent."""
    estimate, reference = _centred(estimate), _centred(reference)
    power = float(reference @ reference)
    if power <= SILENCE * len(reference):
        return None
    target = (float(estimate @ reference) / power) * reference
    return _ratio_db(float(target @ target), float(np.square(estimate - target).sum()))


def sdr(estimate: FloatArray, reference: FloatArray) -> float | None:
    """BSS Eval's SDR in dB; a filter of 512 taps on the reference is forgiven. None where either is silent."""
    import torch
    from torchmetrics.functional.audio import signal_distortion_ratio

    estimate, reference = _centred(estimate), _centred(reference)
    if min(_power(estimate), _power(reference)) <= SILENCE:
        return None
    taps = min(512, len(reference))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = signal_distortion_ratio(
            torch.from_numpy(estimate), torch.from_numpy(reference), filter_length=taps, load_diag=None
        )
    value = float(result)
    return float(np.clip(value, -LIMIT_DB, LIMIT_DB)) if not np.isnan(value) else LIMIT_DB


def stoi(estimate: FloatArray, reference: FloatArray, sample_rate: int) -> float | None:
    """Short-time objective intelligibility, 0 to 1; None on silence, on less than 0.4 s, or without `pystoi`."""
    if importlib.util.find_spec("pystoi") is None or len(reference) < STOI_SHORTEST_S * sample_rate:
        return None
    if min(_power(estimate), _power(reference)) <= SILENCE:
        return None
    from pystoi import stoi as measured

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = float(measured(_plain(reference), _plain(estimate), sample_rate, extended=False))
    too_short = any("Not enough STFT frames" in str(item.message) for item in caught)
    return None if too_short or not np.isfinite(value) else value


def pesq(estimate: FloatArray, reference: FloatArray, sample_rate: int) -> float | None:
    """Perceptual quality, 1 to 4.6; None without the package `pesq`, at other rates than 8 and 16 kHz, or without speech."""
    if importlib.util.find_spec("pesq") is None or sample_rate not in (8_000, 16_000):
        return None
    if min(_power(estimate), _power(reference)) <= SILENCE:
        return None
    from pesq import PesqError
    from pesq import pesq as measured

    try:
        return float(
            measured(
                sample_rate, _plain(reference), _plain(estimate), "wb" if sample_rate == 16_000 else "nb"
            )
        )
    except PesqError:  # it found no utterance
        return None


def score_tracks(
    mixture: FloatArray,
    references: Sequence[FloatArray],
    tracks: Sequence[FloatArray],
    sample_rate: int,
    *,
    perceptual: bool = True,
) -> tuple[TrackScores, ...]:
    """One row a reference, in their order, each with the track that is its own by the greatest sum of SI-SDRs.

    mixture, references, tracks: [samples], or [samples, channels], of which the mean is judged. Their lengths may
    differ by a tenth of a second: the shortest counts. perceptual: STOI and PESQ too.
    """
    sounds = [_mono(item) for item in (mixture, *references, *tracks)]
    if len(references) > len(tracks) or not len(references):
        raise UserError(
            "{references} references do not fit {tracks} tracks.",
            "",
            "Give one reference for each speaker.",
            references=len(references),
            tracks=len(tracks),
        )
    shortest, longest = min(map(len, sounds)), max(map(len, sounds))
    if longest - shortest > 0.1 * sample_rate or not shortest:
        raise UserError(
            "The references are not as long as the tracks.",
            "The shortest lasts {short:.2f} s, the longest {long:.2f} s.",
            "Choose the references of this very recording.",
            short=shortest / sample_rate,
            long=longest / sample_rate,
        )
    mixed, *rest = (sound[:shortest] for sound in sounds)
    wanted, result = rest[: len(references)], rest[len(references) :]
    table = np.array([[_or_least(si_sdr(item, reference)) for item in result] for reference in wanted])
    _, order = linear_sum_assignment(table, maximize=True)
    rows = []
    for reference, track in zip(wanted, order, strict=True):
        own = result[int(track)]
        si, distortion = si_sdr(own, reference), sdr(own, reference)
        rows.append(
            TrackScores(
                track=int(track),
                si_sdr=si,
                si_sdri=_difference(si, si_sdr(mixed, reference)),
                sdr=distortion,
                sdri=_difference(distortion, sdr(mixed, reference)),
                stoi=stoi(own, reference, sample_rate) if perceptual else None,
                pesq=pesq(own, reference, sample_rate) if perceptual else None,
            )
        )
    return tuple(rows)


def _mono(sound: FloatArray) -> FloatArray:
    sound = np.asarray(sound, dtype=np.float64)
    return sound if sound.ndim == 1 else sound.mean(axis=1)


def _centred(sound: FloatArray) -> FloatArray:
    sound = np.asarray(sound, dtype=np.float64)
    return sound - sound.mean()


def _plain(sound: FloatArray) -> FloatArray:
    return np.ascontiguousarray(sound, dtype=np.float64)


def _power(sound: FloatArray) -> float:
    return float(np.square(sound).mean()) if len(sound) else 0.0


def _ratio_db(signal: float, noise: float) -> float:
    least = 10 ** (-LIMIT_DB / 10)
    if signal <= least * noise or signal == 0:
        return -LIMIT_DB
    return LIMIT_DB if noise <= least * signal else float(10 * np.log10(signal / noise))


def _difference(value: float | None, before: float | None) -> float | None:
    return None if value is None or before is None else value - before


def _or_least(value: float | None) -> float:
    return -LIMIT_DB if value is None else value
