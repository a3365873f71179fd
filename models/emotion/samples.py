"""The clips that ship: which they are, and which a model has never met."""

from __future__ import annotations

from pathlib import Path

from models.checkpoint import CheckpointInfo
from models.datafiles import read_table
from models.errors import UserError
from models.resources import resource


def sample_list() -> Path:
    """The CSV of the clips: path, emotion, speaker, sex."""
    return resource("samples", "emotion", "samples.csv")


def held_out_clips(info: CheckpointInfo | None = None) -> list[Path]:
    """The clips of speakers that the model did not learn from; all of them where it does not say."""
    rows = read_table(sample_list(), ("path", "emotion", "speaker")).rows
    held = held_out_speakers(info)
    chosen = [row for row in rows if row["speaker"] in held] or rows
    return [sample_list().parent / row["path"] for row in chosen]


def held_out_speakers(info: CheckpointInfo | None) -> set[str]:
    """The speakers that the checkpoint's training was told to leave out."""
    config = info.training.get("config", {}) if info is not None else {}
    data = config.get("data", {}) if isinstance(config, dict) else {}
    return {str(name) for name in data.get("test_speakers", [])}


def located(choice: str | Path) -> Path:
    """The data set at `choice`; ``sample`` names the clips that ship."""
    if not str(choice).strip():
        raise UserError(
            "No data set was chosen.",
            "",
            "Choose a corpus folder or a CSV, or `sample` for the clips that ship.",
        )
    return sample_list() if str(choice) == "sample" else Path(choice).expanduser()
