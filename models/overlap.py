"""Whether a model is judged on what it has learned from, found by content: said in results, exports and the window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.checkpoint import CheckpointInfo
from models.fingerprint import Learned, Used
from models.remarks import Remark

MOST_NAMES = 8  # of groups that a remark lists


@dataclass(frozen=True)
class TrainingOverlap:
    """What of some data a model has met in its training.

    known: whether the checkpoint tells. items: bool [items], which of them it was trained on. validation: bool [items],
    which others chose its weights. groups: the speakers or subjects it was trained on. left_out: so many items were taken
    out of the judgement because they took part in its training.
    """

    known: bool
    items: np.ndarray
    validation: np.ndarray
    groups: tuple[str, ...] = ()
    left_out: int = 0

    @classmethod
    def of(cls, info: CheckpointInfo, used: Used) -> TrainingOverlap:
        """What a model has met of the items and groups of some data."""
        learned = Learned.of(info.training)
        if learned is None:
            return cls(False, *np.zeros((2, len(used.items)), dtype=bool))
        trained, validated = (learned.seen(used, (part,)) for part in ("train", "validation"))
        # A group's name is another person's in other data: it counts where an item of the group was met, too.
        groups = trained.groups if trained.items.any() else ()
        return cls(True, trained.items, validated.items & ~trained.items, groups)

    @property
    def fresh(self) -> np.ndarray:
        """bool [items]: those that took no part in its training at all."""
        return ~(self.items | self.validation)

    @property
    def met(self) -> int:
        """Items that are judged though the model has met them."""
        return int(self.items.sum())

    def as_dict(self) -> dict[str, Any]:
        """Counts and groups as plain values, as they are written beside metrics."""
        return {
            "known": self.known,
            "met": self.met,
            "of": len(self.items),
            "groups": list(self.groups),
            "validation": int(self.validation.sum()),
            "left_out": self.left_out,
        }

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What a person should know before believing the metrics."""
        if not self.known:
            return (
                Remark(
                    "The checkpoint does not say what it was trained on: whether it has met this data is not known."
                ),
            )
        result = []
        if self.left_out:
            result.append(
                Remark(
                    "{count} items took part in its training and were left out; the others are judged.",
                    count=self.left_out,
                )
            )
        if self.met:
            result.append(
                Remark(
                    "{count} of {all} items took part in its training: on these the metrics say nothing of new data.",
                    count=self.met,
                    all=len(self.items),
                )
            )
        if self.validation.any():
            result.append(
                Remark(
                    "{count} of {all} items were its validation part, by which its weights were chosen: the metrics may flatter a little.",
                    count=int(self.validation.sum()),
                    all=len(self.items),
                )
            )
        if self.groups:
            names = ", ".join(self.groups[:MOST_NAMES]) + (" …" if len(self.groups) > MOST_NAMES else "")
            result.append(
                Remark("It has met {names} in its training: the metrics say nothing of others.", names=names)
            )
        return tuple(result)
