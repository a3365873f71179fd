"""What a person can set about a training run: one pydantic model a system, all built on `TrainingConfig`.

A field's title, description, unit and range serve the launcher's form, the YAML, ``--set``, the help and the
messages alike. No torch here: the window imports this.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from models import documents
from models.errors import UserError
from models.presets import preset_file
from models.presets import presets as presets
from models.settings import Settings, contradiction, problems, redefault, setting, validated
from models.training.finding import Finding, Remedy

__all__ = [
    "Remedy",
    "Settings",
    "SharedSettings",
    "TrainingConfig",
    "changed",
    "check_speakers_apart",
    "contradiction",
    "override",
    "preset",
    "presets",
    "problems",
    "read_yaml",
    "redefault",
    "setting",
    "validated",
    "without_folders",
]

if TYPE_CHECKING:
    from models.training.record import Record


class TrainingConfig(Settings):
    """What every system's training has in common."""

    epochs: int = setting(
        50, "Epochs", "How often the training data is gone through.", group="Training", ge=1, le=100_000
    )
    batch_size: int = setting(
        32, "Batch size", "Items that are computed at once.", group="Training", ge=1, le=4096
    )
    accumulation: int = setting(
        1,
        "Accumulation",
        "Batches whose gradients are added up before a step: a larger batch in the same memory.",
        group="Training",
        ge=1,
        le=1024,
    )
    early_stop: int = setting(
        10,
        "Early stop",
        "Ends the run after so many epochs without improvement; 0 never does.",
        unit="epochs",
        group="Training",
        ge=0,
        le=100_000,
    )
    seed: int = setting(
        1,
        "Seed",
        "The same seed on the same machine gives the same run.",
        group="Training",
        ge=0,
        le=2**31 - 1,
    )
    learning_rate: float = setting(
        5e-4, "Learning rate", "Size of a step of the optimizer.", group="Optimizer", gt=0, le=1
    )
    weight_decay: float = setting(
        1e-5,
        "Weight decay",
        "Pull of the weights towards zero (L2, decoupled).",
        group="Optimizer",
        ge=0,
        le=1,
    )
    clip_norm: float = setting(
        1.0,
        "Gradient clipping",
        "Largest norm of the gradient; 0 switches it off.",
        group="Optimizer",
        ge=0,
        le=1000,
    )
    average_weights: float = setting(
        0.0,
        "Weight averaging",
        "Decay of a running average of the weights, which is then validated and kept; 0 switches it off.",
        group="Optimizer",
        ge=0,
        lt=1,
    )
    keep: Literal["best", "last"] = setting(
        "best",
        "Keep",
        "The weights of the best validated epoch, or those of the last one.",
        group="Training",
        advanced=True,
    )
    precision: Literal["float32", "bf16", "fp16"] = setting(
        "float32",
        "Precision",
        "Number format of the matrix products; the half formats pay on GPUs.",
        group="Machine",
        advanced=True,
    )
    workers: int = setting(
        -1,
        "Loading processes",
        "Processes that prepare batches; 0 prepares them in the run itself, -1 chooses by the machine: some for a graphics card, none beside a CPU that computes.",
        group="Machine",
        advanced=True,
        ge=-1,
        le=64,
    )
    start_from: str = setting(
        "",
        "Start from",
        "A checkpoint whose weights are begun with, as far as they fit; empty begins afresh.",
        group="Training",
        advanced=True,
        path="folder",
    )
    compile: bool = setting(
        False,
        "Compile",
        "Let torch.compile fuse the network: minutes at the beginning, faster steps on most graphics cards.",
        group="Machine",
        advanced=True,
    )
    out_of_memory: Literal["stop", "smaller batch"] = setting(
        "smaller batch",
        "Out of memory",
        "Stop and say so, or go on with half the batch and twice the accumulation: the same steps, but where a network has batch normalisation.",
        group="Machine",
        advanced=True,
    )
    diagnose_every: int = setting(
        10,
        "Diagnose every",
        "Steps between two looks at each layer's gradient and weights, at least; 0 never looks.",
        unit="steps",
        group="Training",
        advanced=True,
        ge=0,
        le=100_000,
    )
    notes: str = setting("", "Notes", "For yourself; kept with the run.", group="Training", max_length=10_000)

    def remedies(self) -> dict[str, list[Remedy]]:
        """What to try against each kind of finding (see `findings.py`); a system adds what it knows."""
        half = max(1, self.batch_size // 2)
        return {
            "memory": [
                Remedy(
                    "Half the batch, twice the accumulation",
                    {"batch_size": half, "accumulation": 2 * self.accumulation},
                )
            ],
            "unstable": [
                Remedy(
                    "A tenth of the learning rate, gradients clipped at 0.5",
                    {"learning_rate": self.learning_rate / 10, "clip_norm": 0.5},
                )
            ],
            "exploding": [
                Remedy("Gradients clipped at 0.5", {"clip_norm": 0.5}),
                Remedy("Half the learning rate", {"learning_rate": self.learning_rate / 2}),
            ],
            "vanishing": [
                Remedy("Twice the learning rate", {"learning_rate": min(1.0, 2 * self.learning_rate)})
            ],
            "small gradients": [
                Remedy("Twice the learning rate", {"learning_rate": min(1.0, 2 * self.learning_rate)})
            ],
            "not learning": [
                Remedy("Twice the learning rate", {"learning_rate": min(1.0, 2 * self.learning_rate)})
            ],
            "dead": [Remedy("Half the learning rate", {"learning_rate": self.learning_rate / 2})],
            "flat": [
                Remedy("Three times the learning rate", {"learning_rate": min(1.0, 3 * self.learning_rate)}),
                Remedy("A third of the learning rate", {"learning_rate": self.learning_rate / 3}),
            ],
            "overfitting": [
                Remedy(
                    "Ten times the weight decay",
                    {"weight_decay": min(1.0, 10 * max(self.weight_decay, 1e-5))},
                )
            ],
            "no gain": [],
        }

    def judge(self, record: Record) -> list[Finding]:
        """What this system alone has to say about a run, such as of its adversary."""
        return []

    def loss_scale(self, split: str) -> str:
        """What the losses of ``train`` or ``validation`` measure: runs that differ here are not laid on one axis."""
        return ""


class SharedSettings(Settings):
    """Settings that several systems have, though not all: each takes them up by `redefault`."""

    warmup_steps: int = setting(
        0,
        "Warm-up",
        "Steps of linear warm-up; at most a tenth of the run.",
        unit="steps",
        group="Optimizer",
        ge=0,
        le=100_000,
    )


def check_speakers_apart(validation: Iterable[str], test: Iterable[str]) -> None:
    """For the validators of systems whose data names speakers: nobody is on both sides."""
    both = sorted(set(validation) & set(test))
    if both:
        raise contradiction(
            "speakers {both} are to validate and to test: a speaker is on one side only",
            "data.validation_speakers",
            "data.test_speakers",
            both=", ".join(both),
        )


def without_folders(settings: Settings) -> dict[str, Any]:
    """The plain values, and of every path (a field declared with ``path``) its last name alone: what is passed on with
    a checkpoint tells nothing of the machine. A name that is no path here, as of a model on a hub, is kept whole."""
    values = settings.model_dump(mode="json")
    for name, about in type(settings).model_fields.items():
        inner, extra = getattr(settings, name), about.json_schema_extra
        if isinstance(inner, Settings):
            values[name] = without_folders(inner)
        elif isinstance(inner, str) and inner and isinstance(extra, dict) and extra.get("path"):
            place = Path(inner)
            values[name] = place.name if place.is_absolute() or os.path.exists(place) else inner
    return values


def read_yaml(path: Path) -> dict[str, Any]:
    """The plain values of a config file."""
    values = documents.read_yaml(path)
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UserError(
            "{path} is not a config.", "It should hold names and values.", "Start from a preset.", path=path
        )
    return values


def preset(system: str, name: str) -> dict[str, Any]:
    """The plain values of a preset. Raises UserError for a name there is not."""
    values = read_yaml(preset_file(system, name))
    return {key: value for key, value in values.items() if key != "system"}


def override(values: dict[str, Any], assignments: list[str]) -> dict[str, Any]:
    """`values` with ``key.subkey=value`` assignments laid over it; the values are read as YAML."""
    result = _copied(values)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key.strip():
            raise UserError(
                "{assignment} is not an assignment.",
                "",
                "Write it as name=value, such as epochs=20 or augment.noise=0.3.",
                assignment=assignment,
            )
        try:
            value = documents.parsed_yaml(text, assignment)
        except UserError:
            value = text
        if isinstance(value, str):  # YAML 1.1 reads 1e-4 as a string
            with contextlib.suppress(ValueError):
                value = float(value)
        place = result
        *parents, last = key.strip().split(".")
        for parent in parents:
            inner = place.setdefault(parent, {})
            if not isinstance(inner, dict):
                inner = place[parent] = {}
            place = inner
        place[last] = value
    return result


def changed(values: dict[str, Any], base: dict[str, Any], prefix: str = "") -> dict[str, tuple[Any, Any]]:
    """Dotted names whose value differs: name → (base's, ours)."""
    result: dict[str, tuple[Any, Any]] = {}
    for key in {**base, **values}:
        ours, theirs = values.get(key), base.get(key)
        if isinstance(ours, dict) and isinstance(theirs, dict):
            result.update(changed(ours, theirs, f"{prefix}{key}."))
        elif ours != theirs:
            result[prefix + key] = (theirs, ours)
    return result


def _copied(values: dict[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, dict) else value for key, value in values.items()}
