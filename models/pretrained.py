"""Models of others: found in a folder, on the shelf of downloads, or in the Hugging Face cache, or fetched when asked.

Nothing that brings code is loaded: only weights, configs and vocabularies are fetched.
"""

from __future__ import annotations

from pathlib import Path

from models.errors import UserError
from models.hub import fetching, shelf
from models.hub.shelf import is_model_folder
from models.progress import Progress


def find(name: str) -> Path | None:
    """The folder of a model that is on this machine already, or None. `name` is a folder or a hub name."""
    if not name.strip():
        return None
    local = Path(name).expanduser()
    if is_model_folder(local):
        return local
    ours = shelf.usable(name)
    if ours is not None and ours.is_dir():
        return ours
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        cached = Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, HfHubHTTPError, OSError, ValueError):
        return None
    return cached if is_model_folder(cached) else None


def locate(name: str, progress: Progress | None = None, allow_download: bool = True) -> Path:
    """The folder of the model `name`, downloaded if need be. Raises UserError, or Cancelled."""
    result = find(name)
    if result is not None:
        return result
    folder = Path(name).expanduser()
    if folder.is_dir() or folder.is_absolute() or name.startswith((".", "~")) or name.count("/") != 1:
        raise UserError(
            "{name} is not a model folder.",
            "A model folder holds config.json and model.safetensors (or pytorch_model.bin).",
            "Choose such a folder, or give a name of the Hugging Face hub, such as facebook/hubert-base-ls960.",
            name=name,
        )
    if not allow_download:
        raise fetching.switched_off(name)
    return _folder_of(fetching.download(name, progress))


def _folder_of(model: shelf.Shelved) -> Path:
    """Raises UserError where what came is no folder that transformers can load, but a file of weights."""
    if is_model_folder(model.folder):
        return model.folder
    raise UserError(
        "{name} came without a config.json.",
        "It is a file of weights, which only the program that wrote it can describe.",
        "Choose the file itself where the system reads such files: it lies in {folder}.",
        name=model.name,
        folder=str(model.folder),
    )
