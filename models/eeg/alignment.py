"""EEG and stimulus on one time axis: cut to what they have in common, or stretched where a clock ran fast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.errors import UserError
from models.remarks import Remark

MOST_DRIFT = 2e-3  # of the length; clocks of sound cards and amplifiers differ by far less
LEAST_S = 2.0


@dataclass(frozen=True)
class Aligned:
    """eeg [time, channels] and envelope [time]; `remark` says in words what was done, `surplus_s` how much longer the EEG was."""

    eeg: np.ndarray
    envelope: np.ndarray
    surplus_s: float
    remark: Remark | None = None


def align(eeg: np.ndarray, envelope: np.ndarray, sample_rate: float, stretch: bool = False) -> Aligned:
    """Both from their beginning. stretch: the envelope is stretched to the EEG's length, which undoes clock drift.

    Raises UserError where one is too short, or where the lengths differ by more than any drift.
    """
    surplus_s = (len(eeg) - len(envelope)) / sample_rate
    time = min(len(eeg), len(envelope))
    if time < LEAST_S * sample_rate:
        raise UserError(
            "EEG and stimulus have too little in common.",
            "The EEG lasts {eeg:.1f} s and the stimulus {stimulus:.1f} s; {least:g} s are needed.",
            "Choose the stimulus that was heard in this recording.",
            eeg=len(eeg) / sample_rate,
            stimulus=len(envelope) / sample_rate,
            least=LEAST_S,
        )
    if not surplus_s:
        return Aligned(eeg, envelope, 0.0)
    if stretch:
        if abs(len(eeg) - len(envelope)) > MOST_DRIFT * len(eeg):
            raise UserError(
                "EEG and stimulus differ by more than a drift of clocks.",
                "The EEG is {surplus:+.2f} s longer, and a drift would be at most {most:.2f} s.",
                "Cut both to the same stretch first.",
                surplus=surplus_s,
                most=MOST_DRIFT * len(eeg) / sample_rate,
            )
        places = np.linspace(0, len(envelope) - 1, len(eeg))
        stretched = np.interp(places, np.arange(len(envelope)), envelope).astype(np.float32)
        ppm = 1e6 * (len(eeg) - len(envelope)) / len(envelope)
        remark = Remark("The stimulus was stretched by {ppm:+.0f} ppm to the clock of the EEG.", ppm=ppm)
        return Aligned(eeg, stretched, surplus_s, remark)
    values: dict[str, object] = {"seconds": abs(surplus_s)}
    drifted = abs(surplus_s) > 0.05 and abs(len(eeg) - len(envelope)) <= MOST_DRIFT * len(eeg)
    if drifted:
        remark = Remark(
            "EEG and stimulus differ by {seconds:.2f} s and were cut to the common length; if both should be equally long, "
            "a clock drifted: stretch the stimulus.",
            **values,
        )
    elif surplus_s > 0:
        remark = Remark("The EEG was cut by {seconds:.2f} s to the length of the stimulus.", **values)
    else:
        remark = Remark("The stimulus was cut by {seconds:.2f} s to the length of the EEG.", **values)
    return Aligned(eeg[:time], envelope[:time], surplus_s, remark)


def overlap(
    decoded: np.ndarray, envelope: np.ndarray, sample_rate: float, start_s: float = 0.0, stretch: bool = False
) -> tuple[np.ndarray, np.ndarray, Remark | None]:
    """(decoded [time], envelope [time], what was done in words): what both have in common, equally long.

    decoded: [time] of a whole recording; envelope: [time] of a stimulus that began `start_s` into it (negative: before
    it). Both at `sample_rate`. Raises UserError as `align` does.
    """
    first = round(start_s * sample_rate)
    both = align(decoded[max(0, first) :, None], envelope[max(0, -first) :], sample_rate, stretch)
    return both.eeg[:, 0], both.envelope, both.remark
