"""The presets that ship: settings of a training, by name. Only their names are read here."""

from __future__ import annotations

from pathlib import Path

from models.errors import UserError
from models.resources import resource


def presets(system: str) -> dict[str, Path]:
    """The presets that ship for a system: name → file."""
    files = resource("presets", system).glob("*.yaml")
    return {path.stem: path for path in sorted(files, key=lambda path: path.stem)}


def preset_file(system: str, name: str) -> Path:
    """The file of a preset. Raises UserError for a name there is not."""
    known = presets(system)
    if name not in known:
        raise UserError(
            "There is no preset {name} for {system}.",
            "",
            "Presets are: {known}.",
            name=name,
            system=system,
            known=", ".join(known) or "none",
        )
    return known[name]
