"""Reading the channels that are wanted of a recording, at another rate, in blocks: an hour never lies in memory whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import soxr

from models.eeg.channels import canonical
from models.eeg.recording import Recording
from models.errors import UserError
from models.progress import Progress

BLOCK_S = 30.0


def columns_of(recording: Recording, wanted: Sequence[str]) -> list[int]:
    """Where each wanted channel stands in the recording, by its place on the scalp; −1 for those it lacks."""
    there = {canonical(name): number for number, name in enumerate(recording.channel_names)}
    there |= {name: number for number, name in enumerate(recording.channel_names)}
    return [there.get(name, there.get(canonical(name), -1)) for name in wanted]


def resampled(
    recording: Recording, wanted: Sequence[str], aside: Sequence[str], rate: int, progress: Progress
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(eeg [time, wanted], those aside [time, aside], share of samples of each wanted that were no numbers)."""
    columns = columns_of(recording, wanted)
    have = np.array([column >= 0 for column in columns])
    if not have.any():
        raise UserError(
            "{name} has none of the channels that are needed.",
            "Its channels are {channels}.",
            "Choose another recording, or name its channels as in the 10-20 system.",
            name=recording.path.name,
            channels=", ".join(recording.channel_names[:12]),
        )
    source = [column for column in columns if column >= 0]
    beside = [recording.aside.index(name) for name in aside]
    width = len(source) + len(beside)
    stream = None
    if recording.sample_rate != rate:
        stream = soxr.ResampleStream(recording.sample_rate, rate, width, dtype="float32", quality="HQ")
    size = max(1, round(BLOCK_S * recording.sample_rate))
    parts, missing = [], np.zeros(width)
    offset, last = None, np.zeros(width, np.float32)
    for first in range(0, recording.time, size):
        progress.update(first, recording.time, "Reading {name}", name=recording.path.name)
        end = min(recording.time, first + size)
        block = recording.read_samples(first, end)[:, source]
        if beside and recording.read_aside is not None:
            block = np.concatenate([block, recording.read_aside(first, end)[:, beside]], axis=1)
        block, lacking = _filled(block, last)
        missing += lacking
        last = block[-1]
        if offset is None:  # BioSemi's electrodes stand at tens of millivolts, which float32 need not carry
            offset = np.median(block, axis=0)
        block = np.ascontiguousarray(block - offset, np.float32)
        parts.append(block if stream is None else stream.resample_chunk(block))
    if stream is not None:
        parts.append(stream.resample_chunk(np.zeros((0, width), np.float32), last=True))
    time = round(recording.time * rate / recording.sample_rate)
    joined = np.concatenate(parts)[:time]
    eeg = np.zeros((len(joined), len(wanted)), np.float32)
    eeg[:, have] = joined[:, : len(source)]
    shares = np.zeros(len(wanted))
    shares[have] = missing[: len(source)] / recording.time
    return eeg, joined[:, len(source) :], shares


def _filled(block: np.ndarray, before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(block without NaN: straight lines across the gaps, how many were filled a channel)."""
    wrong = ~np.isfinite(block)
    count = wrong.sum(axis=0)
    if not count.any():
        return block, count
    block = block.copy()
    index = np.arange(len(block))
    for column in np.flatnonzero(count):
        good = ~wrong[:, column]
        if good.any():
            block[~good, column] = np.interp(index[~good], index[good], block[good, column])
        else:
            block[:, column] = before[column]
    return block, count
