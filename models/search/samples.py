"""What ships with the search: the emoji with their words, and a few photographs with captions."""

from __future__ import annotations

from pathlib import Path

from models.errors import UserError
from models.resources import resource


def emoji_folder() -> Path:
    """Emoji pictures and their ``captions.csv``: file, caption, keywords, labels, emoji, part."""
    return resource("samples", "search", "emoji")


def photos_folder() -> Path:
    """Photographs and their ``captions.csv``: file, caption, labels, attribution (to be shown with each)."""
    return resource("samples", "search", "photos")


def bundled_hash_models() -> dict[int, Path]:
    """bits → checkpoint: the bundled hash model, and its like with codes of other lengths, to be compared."""
    others = {bits: resource("checkpoints", f"search-{bits}") for bits in (16, 32, 128)}
    return dict(sorted({64: resource("checkpoints", "search"), **others}.items()))


def bundled_encoder() -> Path:
    """The small CLIP of our own, a Hugging Face folder."""
    return resource("checkpoints", "search-encoder")


def bundled_index() -> Path:
    """The index of the emoji that ships."""
    return resource("samples", "search", "index")


def located(choice: str | Path) -> Path:
    """The data set at `choice`; ``sample`` names the emoji that ship, ``photos`` the photographs."""
    if not str(choice).strip():
        raise UserError(
            "No data set was chosen.",
            "",
            "Choose a folder of pictures with captions or a file of features, or `sample` for the emoji that ship.",
        )
    return {"sample": emoji_folder(), "photos": photos_folder()}.get(str(choice), Path(choice).expanduser())
