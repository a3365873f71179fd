"""A data set of EEG and envelopes in memory: its items, and its channels by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from models.eeg.channels import canonical
from models.errors import UserError
from models.remarks import Remark, distinct


@dataclass(frozen=True)
class Item:
    """One subject listening to one stimulus, at the data set's rate.

    eeg: [time, channels], any number type, times `step` is its unit; may be memory-mapped. envelope: float32 [time].
    split: ``train``, ``validation``, ``test`` where the data set's authors have split it, else empty.
    """

    subject: str
    stimulus: str
    eeg: np.ndarray = field(repr=False)
    envelope: np.ndarray = field(repr=False)
    split: str = ""
    step: float = 1.0


@dataclass(frozen=True)
class Dataset:
    """items, in the order of subjects and stimuli; skipped: what could not be used, and why."""

    name: str
    sample_rate: int
    channel_names: tuple[str, ...]
    items: tuple[Item, ...]
    skipped: tuple[Remark, ...] = ()
    remarks: tuple[Remark, ...] = ()
    reach_s: float = 0.0  # how far filters that the recordings went through look to either side

    @property
    def subjects(self) -> list[str]:
        return sorted({item.subject for item in self.items}, key=natural)

    @property
    def stimuli(self) -> list[str]:
        return sorted({item.stimulus for item in self.items}, key=natural)

    @property
    def minutes(self) -> float:
        return sum(len(item.envelope) for item in self.items) / self.sample_rate / 60


def natural(name: str) -> list[object]:
    """For sorting: 2 before 10."""
    return [
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part
    ]


def unknown_subjects(unknown: list[str], known: list[str]) -> UserError:
    """The error of a config that names subjects whom the data does not have."""
    return UserError(
        "The data has no subject {unknown}.",
        "Its subjects are {known}.",
        "Correct the subjects.",
        unknown=", ".join(unknown),
        known=", ".join(known),
    )


def with_channels(dataset: Dataset, wanted: Sequence[str]) -> Dataset:
    """The data set with the channels of a decoder, in the decoder's order, matched by their places on the scalp.

    Raises UserError where the data lacks one of them.
    """
    ours = tuple(wanted)
    if dataset.channel_names == ours:
        return dataset
    there = {canonical(name): number for number, name in enumerate(dataset.channel_names)}
    lacking = [name for name in ours if canonical(name) not in there]
    if lacking:
        raise UserError(
            "The data set {name} lacks channels of the decoder.",
            "It has no {lacking}; it has {count} channels, and the decoder needs {needed}.",
            "Choose a decoder for these channels.",
            name=dataset.name,
            lacking=", ".join(lacking[:8]),
            count=len(dataset.channel_names),
            needed=len(ours),
        )
    order = [there[canonical(name)] for name in ours]
    items = tuple(replace(item, eeg=np.ascontiguousarray(item.eeg[:, order])) for item in dataset.items)
    remark = Remark("The channels of the data set were put into the decoder's order, by their names.")
    return replace(dataset, channel_names=ours, items=items, remarks=distinct((*dataset.remarks, remark)))
