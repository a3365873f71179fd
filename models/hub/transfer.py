"""One file over HTTP: resumed where it stopped, held to its size and its checksum, never half of one under its name."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import requests
from urllib3.exceptions import HTTPError as TransportError

from models.errors import UserError
from models.hub.shelf import PART, PIECE, KeptFile, cannot_keep

TRIES = 5  # without a new byte between them, then it is given up
WAIT_S = 0.5  # before the second try; longer before each further one
CONNECT_S = 10.0
STALL_S = 30.0  # without a byte, after which a connection is taken for dead
CHUNK = 2**18  # bytes


@dataclass(frozen=True)
class RemoteFile:
    """A file to fetch. size: bytes, 0 where it is not known before. sha256: of its contents; git_sha1: of git's object of
    it, for small files; empty where unknown. headers: sent to its own host only."""

    path: str
    url: str
    size: int = 0
    sha256: str = ""
    git_sha1: str = ""


class WrongContents(Exception):
    """What came is not what was announced; it has been deleted."""


def transfer(
    file: RemoteFile, folder: Path, arrived: Callable[[int], None], headers: Mapping[str, str] | None = None
) -> KeptFile:
    """Bring `file` into `folder`, going on with what has come before. arrived: told the bytes of it that are here.

    Raises UserError where it cannot be had, or not be kept.
    """
    place = folder / file.path
    part = place.with_name(place.name + PART)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_file():  # of an earlier try at this model
            os.replace(place, part)
        for attempt in (1, 2):
            _bring(file, part, arrived, dict(headers or {}))
            try:
                kept = _checked(file, part)
            except WrongContents:
                part.unlink(missing_ok=True)
                if attempt == 2:
                    raise
                continue  # what lay here may have been of another version: once more, from its beginning
            os.replace(part, place)
            return kept
        raise AssertionError("either it is returned or raised above")
    except WrongContents as error:
        raise UserError(
            "{name} arrived damaged, twice.",
            "Its contents are not what was announced ({reason}).",
            "Try again later or from another place; nothing of it was kept.",
            name=file.path,
            reason=str(error),
        ) from error
    except requests.RequestException as error:
        raise _unreachable(file, error) from error
    except OSError as error:
        raise cannot_keep(file.path, error) from error


def _bring(file: RemoteFile, part: Path, arrived: Callable[[int], None], headers: dict[str, str]) -> None:
    """Fill `part` up; goes on by itself after a cut or a stall, as long as there is progress."""
    tries = 0
    while True:
        here = part.stat().st_size if part.is_file() else 0
        if file.size and here == file.size:
            return
        if file.size and here > file.size:
            part.unlink()
            here = 0
        try:
            if _receive(file, part, here, arrived, headers):
                return
            error: requests.RequestException = requests.ConnectionError("the connection was cut off")
        except requests.HTTPError:
            raise
        except requests.RequestException as caught:
            error = caught
        now = part.stat().st_size if part.is_file() else 0
        tries = 1 if now > here else tries + 1
        if tries >= TRIES:
            raise error
        time.sleep(WAIT_S * tries)


def _receive(
    file: RemoteFile, part: Path, here: int, arrived: Callable[[int], None], headers: dict[str, str]
) -> bool:
    """One answer of the server, appended to what is here; True where it is the file's end."""
    asked = {**headers, "Accept-Encoding": "identity", **({"Range": f"bytes={here}-"} if here else {})}
    with requests.get(file.url, headers=asked, stream=True, timeout=(CONNECT_S, stall_s())) as answer:
        if answer.status_code == 416:  # nothing lies behind what is here: it was of another version
            part.unlink(missing_ok=True)
            return False
        answer.raise_for_status()
        goes_on = answer.status_code == 206
        expected = int(answer.headers.get("Content-Length") or 0) + (here if goes_on else 0)
        with open(part, "ab" if goes_on else "wb") as target:
            _write(answer, target, here if goes_on else 0, arrived)
    now = part.stat().st_size
    return now >= (file.size or expected)


def _write(answer: requests.Response, target: BinaryIO, here: int, arrived: Callable[[int], None]) -> None:
    """What has come is written at once, so that a cut loses nothing of it. Raises OSError for the disk alone."""
    while True:
        try:
            piece = answer.raw.read1(CHUNK, decode_content=False)
        except TransportError as error:
            target.flush()
            raise requests.ConnectionError(str(error)) from error
        if not piece:
            return
        target.write(piece)
        here += len(piece)
        arrived(here)


def _checked(file: RemoteFile, part: Path) -> KeptFile:
    """What has come, held to what was announced."""
    size = part.stat().st_size
    if file.size and size != file.size:
        raise WrongContents(f"{size} bytes in place of {file.size}")
    contents, git = hashlib.sha256(), hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    with open(part, "rb") as source:
        while piece := source.read(PIECE):
            contents.update(piece)
            git.update(piece)
    if file.sha256 and contents.hexdigest() != file.sha256:
        raise WrongContents("SHA-256")
    if file.git_sha1 and not file.sha256 and git.hexdigest() != file.git_sha1:
        raise WrongContents("git SHA-1")
    return KeptFile(file.path, size, contents.hexdigest())


def stall_s() -> float:
    """Seconds without a byte; the variable is that of Hugging Face's own programs."""
    try:
        return float(os.environ["HF_HUB_DOWNLOAD_TIMEOUT"])
    except (KeyError, ValueError):
        return STALL_S


def _unreachable(file: RemoteFile, error: requests.RequestException) -> UserError:
    status = error.response.status_code if error.response is not None else 0
    if status == 404:
        return UserError(
            "{name} is not at the place where it should be.",
            "The server knows no {url}.",
            "Try another version, or another hub.",
            name=file.path,
            url=file.url,
        )
    return UserError(
        "{name} could not be downloaded.",
        "{reason}.",
        "Check the connection and try again: it goes on where it stopped.",
        name=file.path,
        reason=reason_of(error),
    )


def reason_of(error: BaseException) -> str:
    """In a few words, why a server could not be reached."""
    text = f"{type(error).__name__} {error}"
    status = getattr(getattr(error, "response", None), "status_code", 0)
    if status:
        return f"the server answered {status}"
    if "timed out" in text.lower() or "timeout" in text.lower():
        return "the server did not answer in time"
    if "refused" in text.lower() or "ConnectError" in text or "NewConnectionError" in text:
        return "the server cannot be reached"
    if "resolve" in text.lower() or "name or service" in text.lower():
        return "the name of the server is not known here"
    lines = str(error).splitlines()
    return (lines[0] if lines else type(error).__name__)[:200].rstrip(".")
