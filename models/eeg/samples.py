"""The recordings that ship: which they are, and where."""

from __future__ import annotations

from pathlib import Path

from models.checkpoint import CheckpointInfo
from models.errors import UserError
from models.resources import resource


def sample_file() -> Path:
    """Three subjects of the DTU data set, as ``tools/bundle_eeg.py`` cut them out."""
    return resource("samples", "eeg", "dtu_3_subjects.npz")


def located(choice: str | Path) -> Path:
    """The data set at `choice`; ``sample`` names the recordings that ship."""
    if not str(choice).strip():
        raise UserError(
            "No data set was chosen.",
            "",
            "Choose a folder of recordings or a NPZ, or `sample` for the recordings that ship.",
        )
    return sample_file() if str(choice) == "sample" else Path(choice).expanduser()


def trained_subjects(info: CheckpointInfo) -> list[str]:
    """The subjects that a checkpoint has an embedding for."""
    return [str(name) for name in info.preprocessing.get("subjects", [])]


def met_subjects(info: CheckpointInfo) -> list[str]:
    """All subjects that a checkpoint learned from, those it was fine-tuned to among them."""
    return [*trained_subjects(info), *map(str, info.preprocessing.get("tuned_to", []))]
