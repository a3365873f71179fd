"""Where things lie: what we ship, and what belongs to the person at the machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

BUNDLED = "bundled"  # the model of a system that ships, wherever a checkpoint may be named


def resource(*parts: str) -> Path:
    """A file or folder that ships with Polyphony; the same in the source tree, a wheel, a frozen program."""
    frozen = getattr(sys, "_MEIPASS", None)
    root = Path(frozen) if frozen else Path(__file__).resolve().parent.parent
    return root.joinpath("resources", *parts)


def docs_folder() -> Path:
    """The pages of the documentation: inside the package, in the source tree beside it."""
    packed = resource("docs")
    return packed if packed.is_dir() else resource().parent / "docs"


def bundled_names(system: str) -> list[str]:
    """``bundled``, and ``bundled-NAME`` of what ships besides."""
    folders = resource("checkpoints").glob(f"{system}-*/checkpoint.json")
    return [
        BUNDLED,
        *sorted(f"{BUNDLED}-{folder.parent.name.removeprefix(f'{system}-')}" for folder in folders),
    ]


def version() -> str:
    """The version of Polyphony that is installed; of a source tree that is not, what its pyproject.toml says."""
    from importlib import metadata

    try:
        return metadata.version("polyphony")
    except metadata.PackageNotFoundError:
        import tomllib

        text = resource().with_name("pyproject.toml").read_text("utf-8")
        return str(tomllib.loads(text)["project"]["version"])


def home() -> Path:
    """The person's folder: training runs, downloaded models, caches. ``POLYPHONY_HOME`` moves it."""
    return Path(os.environ.get("POLYPHONY_HOME") or Path.home() / "Polyphony")


def runs_folder() -> Path:
    """Where training runs are kept unless a person chose another place."""
    return home() / "runs"


def models_folder() -> Path:
    """Where downloaded models are kept."""
    return home() / "models"


def cache_folder() -> Path:
    """Where what can be computed again is kept: decoded clips, features."""
    return home() / "cache"


def own_command() -> list[str]:
    """How this program starts its own command line; the frozen program takes the same words."""
    return [sys.executable, "-m", "models"]
