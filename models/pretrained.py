"""Models of others: found in a folder, in the Hugging Face cache, or fetched from the hub when asked.

A download runs in a process of its own, which can be killed at any moment; it goes on where it stopped, and only
a folder with the marker ``.complete`` counts as downloaded. Nothing that brings code is loaded: only weights,
configs and vocabularies are fetched.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from models.errors import UserError
from models.progress import Progress
from models.resources import models_folder

MARKER = ".complete"
WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


def is_model_folder(folder: Path) -> bool:
    """Whether `folder` holds a model in the Hugging Face layout: a config and weights."""
    return (folder / "config.json").is_file() and any((folder / name).is_file() for name in WEIGHT_FILES)


def offline() -> bool:
    """Whether the person or the machine asked for no network."""
    asked = os.environ.get("POLYPHONY_OFFLINE") or os.environ.get("HF_HUB_OFFLINE") or ""
    return asked.lower() in {"1", "true", "yes", "on"}


def find(name: str) -> Path | None:
    """The folder of a model that is on this machine already, or None. `name` is a folder or a hub name."""
    if not name.strip():
        return None
    local = Path(name).expanduser()
    if is_model_folder(local):
        return local
    ours = models_folder() / name.replace("/", "--")
    if (ours / MARKER).is_file() and is_model_folder(ours):
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
    if offline() or not allow_download:
        raise UserError(
            "The model {name} is not on this machine, and downloads are switched off.",
            "",
            "Switch them on in the settings, or copy the model's folder here and choose it.",
            name=name,
        )
    return download(name, models_folder() / name.replace("/", "--"), progress or Progress())


def download(name: str, folder: Path, progress: Progress, command: list[str] | None = None) -> Path:
    """Fetch `name` into `folder` in a child process; cancelling kills it and keeps what has come.

    command: what to start instead of ``python -m models fetch`` (it must print the same JSON lines).
    """
    process = subprocess.Popen(
        command or [*own_command(), "fetch", name, "--out", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    )
    last: dict[str, object] = {}

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            try:
                last.update(json.loads(line))
            except ValueError:
                continue

    listener = threading.Thread(target=listen, name="download", daemon=True)
    listener.start()
    try:
        while process.poll() is None:
            _report(progress, last, name)
            time.sleep(0.1)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        listener.join()
        if process.stdout is not None:
            process.stdout.close()
    if process.returncode != 0 or not (folder / MARKER).is_file():
        raise UserError(
            "{name} could not be downloaded.",
            "{reason}.",
            "Check the connection and try again: it goes on where it stopped. Or copy the model's folder here and choose it.",
            name=name,
            reason=str(last.get("error", "the download ended without a word")).rstrip("."),
        )
    return folder


def own_command() -> list[str]:
    """How this program starts its own command line: the interpreter, or the frozen executable."""
    return [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "models"]


def fetch(name: str, folder: Path, tell: Callable[[dict[str, object]], None]) -> None:
    """The child's part: download into `folder`, tell ``done`` and ``total`` bytes or ``error``, set the marker."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        files = HfApi().model_info(name, files_metadata=True).siblings or []
        names = [file.rfilename for file in files]
        ignored = ["*.bin"] if any(n.endswith(".safetensors") for n in names) else []
        patterns = ["*.json", "*.txt", "*.model", "*.safetensors", "pytorch_model*.bin"]
        wanted = [
            f
            for f in files
            if Path(f.rfilename).suffix in {".json", ".txt", ".model", ".safetensors", ".bin"}
        ]
        total = sum(f.size or 0 for f in wanted if not (ignored and f.rfilename.endswith(".bin")))
        stop = threading.Event()

        def watch() -> None:
            while not stop.wait(0.3):
                tell({"done": _bytes_in(folder), "total": total})

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            snapshot_download(name, local_dir=folder, allow_patterns=patterns, ignore_patterns=ignored)
        finally:
            stop.set()
            watcher.join()
        if not is_model_folder(folder):
            raise ValueError("the hub has no weights under this name that can be loaded without running code")
        (folder / MARKER).write_text(name + "\n", "utf-8")
    except RepositoryNotFoundError:
        tell({"error": f"the hub has no public model called {name}"})
        raise SystemExit(2) from None
    except OSError as error:
        reason = error.strerror or str(error).splitlines()[0] if str(error) else type(error).__name__
        tell({"error": f"the hub did not answer ({reason})"})
        raise SystemExit(2) from None
    except Exception as error:
        lines = str(error).splitlines()
        tell({"error": lines[0] if lines else type(error).__name__})
        raise SystemExit(2) from None


def _report(progress: Progress, last: dict[str, object], name: str) -> None:
    done, total = float(last.get("done", 0) or 0), float(last.get("total", 0) or 0)  # type: ignore[arg-type]
    progress.update(
        done,
        total,
        "Downloading {name}: {mb:.0f} of {all_mb:.0f} MB",
        name=name,
        mb=done / 1e6,
        all_mb=total / 1e6,
    )


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total
