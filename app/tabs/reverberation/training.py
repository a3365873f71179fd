"""The form of a training run, with what the tab has in it already: its data, a wiring of a person's own."""

from __future__ import annotations

from pathlib import Path

from app.services import Services
from models.reverberation.wiring import Wiring
from models.training.config import preset


def launch(services: Services, name: str, data: Path | str, wiring: Wiring | None = None) -> None:
    """Open the form as the default preset is, but for these. data: a file; a sample or nothing leaves the preset's."""
    values = preset("reverberation", "default")
    if wiring is not None:
        values["network"] = {**values.get("network", {}), "wiring": wiring.model_dump()}
    if isinstance(data, Path):
        values["data"] = {**values.get("data", {}), "path": str(data)}
    services.training.launch("reverberation", proposal=(name, values))
