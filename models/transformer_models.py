"""Models of transformers' layout, loaded from a folder wholly or not at all. No code that comes with one is run.

transformers itself draws weights that a folder lacks at random, and says so to nobody; and it meets what is wrong with
a folder in errors of thirty kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from models import documents, file_names, files, weights
from models.errors import UserError, shortened
from models.hub.shelf import WEIGHT_FILES

IMPORTING = Lock()  # transformers imports its parts when they are first asked for, and loses some where two threads ask at once
LARGEST_DESCRIPTION = 256 * 2**20  # bytes of a tokenizer's or another JSON file

Unfit = Callable[[str], UserError]  # why a folder cannot be used → the error


def check_folder(folder: Path) -> dict[str, Any]:
    """The config of a model folder whose files were held against one another. Raises UserError."""
    config = documents.read_json(folder / "config.json")
    if not isinstance(config, dict):
        raise files.damaged(folder / "config.json", "it should hold names and values")
    for path in sorted(folder.glob("*.json")):
        if path.stat().st_size > LARGEST_DESCRIPTION:
            raise files.too_large(path, path.stat().st_size, LARGEST_DESCRIPTION)
        documents.read_json(path, LARGEST_DESCRIPTION)
    stored: dict[str, tuple[int, ...]] = {}
    pickled = 0
    for path in _weight_files(folder):
        if path.suffix == ".safetensors":
            stored |= weights.tensors(path)
        else:
            weights.check_archive(path)
            pickled += path.stat().st_size
    if pickled and not stored:
        stored = {f"of {number}": (pickled // 2048,) for number in range(1024)}
    weights.check_described(config, stored, file_names.shown(folder.name))
    return config


def _weight_files(folder: Path) -> list[Path]:
    """The files that hold the weights, those that an index names among them; all lie in the folder itself."""
    result: list[Path] = []
    for name in WEIGHT_FILES:
        path = folder / name
        if not path.is_file():
            continue
        if path.suffix != ".json":
            result.append(path)
            continue
        named = documents.read_json(path)
        shards = named.get("weight_map", {}) if isinstance(named, dict) else {}
        for shard in sorted({str(item) for item in shards.values()} if isinstance(shards, dict) else ()):
            if Path(shard).name != shard or not (folder / shard).is_file():
                raise UserError(
                    "{name} is not complete.",
                    "{file} of its weights is not there.",
                    "Copy the whole folder again.",
                    name=file_names.shown(folder.name),
                    file=shortened(shard, 80),
                )
            result.append(folder / shard)
        break
    return result


def load_whole(kind: Any, folder: Path, unfit: Unfit, spare: Iterable[str] = (), **options: Any) -> Any:
    """`kind.from_pretrained` of a folder. Raises `unfit` where it cannot be loaded, or lacks weights beside `spare`.

    spare: endings of the names of weights that nothing depends on.
    """
    check_folder(folder)

    def load() -> Any:
        return kind.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True, output_loading_info=True, **options
        )

    model, report = guarded(load, unfit)
    endings = tuple(spare)
    absent = sorted(
        name for name in map(str, report["missing_keys"]) if not (endings and name.endswith(endings))
    )
    other = sorted(map(str, report.get("mismatched_keys", ())))
    if absent or other:
        raise unfit(f"it lacks {len(absent or other)} weights, such as {(absent or other)[0]}")
    return model


@contextmanager
def told_panics(unfit: Unfit) -> Iterator[None]:
    """A tokenizer's panic becomes `unfit`: the Rust library raises it beside Exception, as if the program were to end."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise unfit("its tokenizer is damaged") from error


def guarded(load: Callable[[], Any], unfit: Unfit) -> Any:
    """What `load` gives; whatever transformers meets in a foreign folder becomes `unfit`."""
    from transformers.utils import logging

    logging.disable_progress_bar()  # progress is told in our own way
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with told_panics(unfit):
            return load()
    except UserError:
        raise
    except MemoryError as error:
        raise unfit("it does not fit into memory") from error
    except Exception as error:  # of many kinds; all of them mean that this folder cannot be used
        raise unfit(_reason(error)) from error
    finally:
        logging.set_verbosity(before)


def _reason(error: Exception) -> str:
    """The beginning of what transformers says, where that is about the folder and no advice to run its code."""
    text = shortened(error).rstrip(".")
    advice = (
        "trust_remote_code",
        "weights_only",
        "pip install",
        "NoneType",
        "object has no",
        "unexpected keyword",
    )
    return (
        text
        if text and not any(word in text for word in advice)
        else "its files are damaged, or of an unknown kind"
    )
