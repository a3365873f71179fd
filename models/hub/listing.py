"""What a hub says a model consists of: its files with sizes and checksums, at one commit.

Hubs are asked directly: huggingface_hub would ask for more than the model (at its own hub, even where a mirror was chosen),
knows ModelScope as little as plain addresses, and holds what it downloads to no checksum.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, quote_plus

import requests

from models.errors import UserError
from models.hub.catalogue import Entry
from models.hub.sources import MODELSCOPE, Sources
from models.hub.transfer import CONNECT_S, RemoteFile, reason_of, stall_s

# Of these, the first kind that a repository has is fetched: weights that can be loaded without running code.
WEIGHTS = (
    ("model*.safetensors",),
    ("*.safetensors",),
    ("pytorch_model*.bin",),
    ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.th"),
)
NO_WEIGHTS = ("training_args.bin", "optimizer.*", "scheduler.*", "rng_state*")
Answer = dict[str, Any]  # an answer as JSON

BESIDE = ("*.json", "*.txt", "*.model", "README.md", "LICENSE*")


@dataclass(frozen=True)
class Listing:
    """A model's files at `revision`. licence: as the hub names it, or empty. headers: what its host wants to be sent."""

    revision: str
    files: tuple[RemoteFile, ...]
    licence: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def listing(name: str, revision: str, known: Entry | None, sources: Sources) -> Listing:
    """Ask for a model's files; of the listed ones `known` says what is certain. Raises UserError."""
    if known is not None and known.url:
        path = known.file or PurePosixPath(known.url).name
        result = Listing("", (RemoteFile(path, known.url),), known.licence)
    elif sources.provider == MODELSCOPE:
        result = _of_modelscope((known and known.modelscope) or name, revision or "master", sources.address)
    else:
        result = _of_hugging_face(name, revision or "main", sources.address)
    sums = known.sha256 if known is not None else {}
    wanted = [
        RemoteFile(file.path, file.url, file.size, sums.get(file.path, file.sha256), file.git_sha1)
        for file in result.files
        if file.path in chosen([each.path for each in result.files])
    ]
    if not any(_is_weights(file.path) for file in wanted):
        raise UserError(
            "{name} holds no weights that can be loaded without running code.",
            "There is neither a .safetensors nor a .bin, .pt, .pth or .ckpt among its files.",
            "Choose another model.",
            name=name,
        )
    return Listing(result.revision, tuple(wanted), result.licence, result.headers)


def chosen(paths: list[str]) -> set[str]:
    """Of the files of a repository those that are fetched: one kind of weights, and what describes them."""
    top = [path for path in paths if "/" not in path]
    weights = next(
        (kind for patterns in WEIGHTS if (kind := [p for p in top if _is_weights(p) and _any(p, patterns)])),
        [],
    )
    index = [path for path in top if path.endswith(".index.json")]
    beside = [path for path in top if _any(path, BESIDE) and path not in index]
    own_index = [path for path in index if path.partition(".")[0] in {w.partition("-")[0] for w in weights}]
    return {*weights, *beside, *own_index}


def _any(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(path, pattern) for pattern in patterns)


def _is_weights(path: str) -> bool:
    return any(_any(path, patterns) for patterns in WEIGHTS) and not _any(path, NO_WEIGHTS)


def _of_hugging_face(name: str, revision: str, address: str) -> Listing:
    headers = {"Authorization": f"Bearer {token}"} if (token := _token()) else {}
    url = f"{address}/api/models/{name}/revision/{quote(revision, safe='')}?blobs=true"
    answer = _asked(name, revision, address, url, headers)
    try:
        commit = str(answer["sha"])
        files = tuple(
            RemoteFile(
                item["rfilename"],
                f"{address}/{name}/resolve/{commit}/{quote(item['rfilename'])}",
                int(item.get("size") or 0),
                (item.get("lfs") or {}).get("sha256", ""),
                "" if item.get("lfs") else item.get("blobId", ""),
            )
            for item in answer["siblings"]
        )
        card = answer.get("cardData") or {}
        licence = card.get("license") or ""
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _no_answer(name, address, ValueError("its answer is not that of a hub")) from error
    return Listing(commit, files, ", ".join(licence) if isinstance(licence, list) else str(licence), headers)


def _token() -> str:
    """What a person who logged in with Hugging Face's own programs is known by."""
    home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    with contextlib.suppress(OSError):
        return os.environ.get("HF_TOKEN") or Path(home, "token").read_text("utf-8").strip()
    return ""


def _asked(name: str, revision: str, address: str, url: str, headers: dict[str, str]) -> Answer:
    """The hub's answer. Raises UserError."""
    try:
        answer = requests.get(url, headers=headers, timeout=(CONNECT_S, stall_s()))
        code = answer.headers.get("X-Error-Code", "")
        if code == "GatedRepo" or answer.status_code == 403:
            raise UserError(
                "{name} has to be asked for.",
                "Its owner gives it to people who have agreed to its terms.",
                "Agree on its page, log in with `hf auth login`, and try again.",
                name=name,
            )
        if code == "RevisionNotFound":
            raise UserError(
                "{name} has no version {revision}.",
                "",
                "Leave the version out for the newest, or give a commit, a tag or a branch that it has.",
                name=name,
                revision=revision,
            )
        if answer.status_code in (401, 404):
            raise UserError(
                "There is no public model {name} at {address}.",
                "",
                "Check its name, or log in where it is a private one.",
                name=name,
                address=address,
            )
        answer.raise_for_status()
        answer_json = answer.json()
        return answer_json if isinstance(answer_json, dict) else {}
    except requests.JSONDecodeError as error:
        raise _no_answer(name, address, ValueError("its answer is not that of a hub")) from error
    except requests.RequestException as error:
        raise _no_answer(name, address, error) from error


def _of_modelscope(name: str, revision: str, address: str) -> Listing:
    base = f"{address}/api/v1/models/{name}"
    query = f"Revision={quote_plus(revision)}"
    answer = _asked(name, revision, address, f"{base}/repo/files?{query}&Recursive=true", {})
    try:
        files = tuple(
            RemoteFile(
                item["Path"],
                f"{base}/repo?{query}&FilePath={quote_plus(item['Path'])}",
                int(item.get("Size") or 0),
                item.get("Sha256") or "",
            )
            for item in answer["Data"]["Files"]
            if item.get("Type") != "tree"
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _no_answer(name, address, ValueError("its answer is not that of ModelScope")) from error
    return Listing(revision, files)


def _no_answer(name: str, address: str, error: BaseException) -> UserError:
    return UserError(
        "{name} could not be downloaded.",
        "{address}: {reason}.",
        "Check the connection, or choose a mirror or a proxy; a model's folder can also be copied here and imported.",
        name=name,
        address=address,
        reason=reason_of(error),
    )
