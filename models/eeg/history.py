"""What was done to a recording, step by step: saved, read back and checked, told."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models import documents, file_names
from models.datafiles import write_whole
from models.eeg.signal_config import LEAST_NOTCH_HZ
from models.errors import UserError, shortened
from models.remarks import Remark
from models.settings import contradiction

FORMAT = 1
MOST_COMPONENTS = 100
NUMBERS = ("patterns", "filters")  # of a step, not told to people


class _Step(BaseModel):
    """A step as it is saved. Every number is bounded: C libraries get them."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    step: str


class _Pick(_Step):
    channels: list[str] = Field(min_length=1, max_length=4096)
    aside: list[str] = Field(default_factory=list, max_length=4096)


class _Resample(_Step):
    from_hz: float = Field(ge=1, le=100_000)
    to_hz: int = Field(ge=1, le=100_000)


class _Interpolate(_Step):
    channels: list[str] = Field(max_length=4096)
    reasons: list[str] = Field(default_factory=list, max_length=4096)


class _Reference(_Step):
    to: Literal["average", "channels"] = "average"
    channels: list[str] = Field(default_factory=list, max_length=4096)

    @model_validator(mode="after")
    def _names_them(self) -> _Reference:
        if (self.to == "channels") != bool(self.channels):
            raise contradiction("a reference to channels names them")
        return self


class _Ica(_Step):
    channels: list[str] = Field(min_length=1, max_length=4096)
    found: list[Literal["eye", "heart"]] = Field(min_length=1, max_length=MOST_COMPONENTS)
    patterns: list[list[float]] = Field(max_length=MOST_COMPONENTS)
    filters: list[list[float]] = Field(max_length=MOST_COMPONENTS)

    @model_validator(mode="after")
    def _fit(self) -> _Ica:
        for matrix in (self.patterns, self.filters):
            if [len(row) for row in matrix] != [len(self.channels)] * len(self.found):
                raise contradiction("the weights of the components do not fit the channels")
        return self


class _Notch(_Step):
    hz: list[Annotated[float, Field(ge=LEAST_NOTCH_HZ, le=50_000)]] = Field(min_length=1, max_length=100)


class _BandPass(_Step):
    low_hz: float = Field(ge=0, le=50_000)
    high_hz: float = Field(gt=0, le=50_000)


_STEPS: dict[str, type[_Step]] = {
    "pick": _Pick,
    "resample": _Resample,
    "ica": _Ica,
    "interpolate": _Interpolate,
    "reference": _Reference,
    "notch": _Notch,
    "band-pass": _BandPass,
}


class _Saved(BaseModel):
    model_config = ConfigDict(extra="ignore")
    format: int
    steps: list[dict[str, Any]] = Field(max_length=1000)
    remarks: list[str] = Field(default_factory=list, max_length=1000)


def _kind_of(step: dict[str, object]) -> type[_Step]:
    name = str(step.get("step"))
    if name not in _STEPS:
        raise contradiction("it names a step that is not known: {step}", step=shortened(name, 40))
    return _STEPS[name]


@dataclass(frozen=True)
class History:
    """What was done, in order: each step is a dict with its name under ``step`` and all it needs to be done again."""

    steps: tuple[dict[str, Any], ...] = ()
    remarks: tuple[Remark, ...] = field(default=(), compare=False)

    def save(self, path: str | os.PathLike[str]) -> None:
        """As JSON."""
        values = {
            "format": FORMAT,
            "steps": list(self.steps),
            "remarks": [str(remark) for remark in self.remarks],
        }
        write_whole(path, (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> History:
        """Raises UserError where the file is none, or names what cannot be done."""
        name = file_names.shown(Path(path).name)
        values = documents.read_json(path)
        try:
            saved = _Saved.model_validate(values)
            if saved.format > FORMAT:
                raise contradiction("a newer Polyphony wrote it")
            steps = tuple(_kind_of(step).model_validate(step).model_dump() for step in saved.steps)
        except ValueError as error:
            raise UserError(
                "{name} is no history of preprocessing.",
                "{reason}.",
                "Choose a file that Polyphony has saved.",
                name=name,
                reason=documents.said_of(error),
            ) from error
        return cls(steps, tuple(Remark("{text}", text=text) for text in saved.remarks))

    def sentences(self) -> list[str]:
        """One line a step, for people."""
        lines = []
        for step in self.steps:
            rest = {
                key: value for key, value in step.items() if key not in ("step", *NUMBERS) and value != []
            }
            text = ", ".join(
                f"{key} {', '.join(map(str, value)) if isinstance(value, list) else value}"
                for key, value in rest.items()
            )
            lines.append(f"{step['step']}: {text}" if text else str(step["step"]))
        return lines
