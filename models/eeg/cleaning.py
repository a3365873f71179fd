"""What a person asks to have done to one recording. No library at all: the window reads this as it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.eeg.recording import Annotation
from models.remarks import Remark

# Why a channel is bad, as histories have it and as it is said.
REASONS = {
    "marked": Remark("marked"),
    "missing": Remark("missing"),
    "not a number": Remark("not a number"),
    "flat": Remark("flat"),
    "noisy": Remark("noisy"),
}


@dataclass(frozen=True)
class Cleaning:
    """What a person asks for of one recording, beside what a decoder's settings say; None leaves it to those.

    bad: channels marked by hand. find_bad: whether others are looked for. annotations: of the recording and a person's
    own; an ICA does not learn from those that begin with ``bad``.
    """

    reference: str | None = None
    notch_hz: float | None = None
    ica: bool | None = None
    bad: tuple[str, ...] = ()
    find_bad: bool = True
    annotations: tuple[Annotation, ...] | None = None

    def asked(self) -> dict[str, object]:
        """The settings that are not left to a decoder's."""
        values = {"reference": self.reference, "notch_hz": self.notch_hz, "ica": self.ica}
        return {name: value for name, value in values.items() if value is not None}


def faulty(names: Mapping[str, str]) -> tuple[Remark, ...]:
    """Bad channels with their reasons, to be said: of a dict from their names to the keys of `REASONS`."""
    return tuple(
        Remark("{name} ({reason})", name=name, reason=REASONS.get(why, why)) for name, why in names.items()
    )


USUAL = Cleaning()
