"""A whole model: asked for, fetched file by file, marked when it is complete. `download` does it in a child process.

The child can be killed at any moment: what has come is kept, and the next try goes on with it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from models import locks
from models.errors import UserError
from models.hub import shelf, sources
from models.hub.catalogue import Entry, entry, forbids_trade
from models.hub.listing import Listing, listing
from models.hub.shelf import Shelved
from models.hub.transfer import RemoteFile, transfer
from models.progress import Cancelled, Progress
from models.resources import own_command

SPARE = 64 * 2**20  # bytes that a download leaves free
TELL_S = 0.2  # between two lines of the child

Report = dict[str, object]


class Unagreed(UserError):
    """The terms of a model forbid commercial use, and nobody has agreed to them yet."""


def fetch(name: str, revision: str = "", progress: Progress | None = None, agreed: bool = False) -> Shelved:
    """Fetch a model in this process. agreed: its terms were read and agreed to. Raises UserError, Cancelled."""
    progress = progress or Progress()
    refuse_offline(name)
    known = entry(name)
    sources.use_proxy(os.environ)
    chosen = sources.stored()
    progress.update(0, 0, "Asking for {name}", name=name)
    listed = listing(
        name,
        revision or (known.revision if known and chosen.provider == sources.HUGGING_FACE else ""),
        known,
        chosen,
    )
    _refuse_unagreed(name, known, listed, agreed)
    folder = shelf.folder_of(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locks.taken(folder / ".lock"):
            return _fetched(name, listed, known, folder, progress)
    except locks.Held as error:
        raise UserError(
            "{name} is being downloaded already.",
            "Process {pid} on {host} does it.",
            "Wait for it, or end it.",
            name=name,
            pid=error.holder.pid,
            host=error.holder.host,
        ) from error
    except OSError as error:
        raise shelf.cannot_keep(name, error) from error


def _fetched(name: str, listed: Listing, known: Entry | None, folder: Path, progress: Progress) -> Shelved:
    (folder / shelf.MARKER).unlink(missing_ok=True)
    total = sum(file.size for file in listed.files)
    before = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    _refuse_without_room(name, folder, total - before)
    kept: list[shelf.KeptFile] = []
    for file in listed.files:
        done = sum(item.size for item in kept)

        def arrived(here: int, file: RemoteFile = file, done: int = done) -> None:
            whole = total or file.size
            progress.update(
                done + here,
                whole,
                "Downloading {name}: {mb:.1f} of {all_mb:.1f} MB",
                name=name,
                mb=(done + here) / 1e6,
                all_mb=whole / 1e6,
            )

        kept.append(transfer(file, folder, arrived, listed.headers))
    _clear_away(folder, {item.path for item in kept})
    model = Shelved(
        name,
        folder,
        source=known.url if known and known.url else sources.stored().address,
        revision=listed.revision,
        licence=listed.licence or (known.licence if known else ""),
        kept=time.time(),
        files=tuple(kept),
    )
    shelf.mark_complete(model)
    return model


def refuse_offline(name: str) -> None:
    """Raises UserError where downloads are switched off."""
    if sources.offline():
        raise switched_off(name)


def switched_off(name: str) -> UserError:
    """For a model that is not here and may not be fetched."""
    return UserError(
        "The model {name} is not on this machine, and downloads are switched off.",
        "",
        "Switch them on in the settings, or copy the model's folder here and choose it.",
        name=name,
    )


def _refuse_unagreed(name: str, known: Entry | None, listed: Listing, agreed: bool) -> None:
    closed = (known is not None and known.non_commercial) or forbids_trade(listed.licence)
    if closed and not agreed:
        raise Unagreed(
            "{name} is not free for commercial use.",
            "Licence: {licence}. {terms}",
            "Agree to it with --agree, or in the window, and it is downloaded.",
            name=name,
            licence=listed.licence or (known.licence if known else "") or "?",
            terms=known.terms if known else "",
        )


def _refuse_without_room(name: str, folder: Path, wanted: int) -> None:
    free = shutil.disk_usage(folder).free
    if wanted + SPARE > free:
        raise UserError(
            "{name} does not fit on this disk.",
            "It needs {wanted:.0f} MB more, and {free:.0f} MB are free at {folder}.",
            "Free some space, or choose another models folder.",
            name=name,
            wanted=wanted / 1e6,
            free=free / 1e6,
            folder=str(folder.parent),
        )


def _clear_away(folder: Path, wanted: set[str]) -> None:
    """Files of an earlier version, and what had come of them, do not stay beside those of this one."""
    for path in [*folder.rglob("*")]:
        if path.is_file() and str(path.relative_to(folder)) not in wanted and path.name != ".lock":
            path.unlink()


# In a child process ---------------------------------------------------------------------------------------


def download(
    name: str,
    progress: Progress | None = None,
    revision: str = "",
    agreed: bool = False,
    command: list[str] | None = None,
) -> Shelved:
    """Fetch a model in a child process; cancelling `progress` kills it and keeps what has come.

    command: what to start instead; it prints the same lines. Raises UserError, Cancelled.
    """
    refuse_offline(name)
    asked = [*own_command(), "models", "fetch", name, "--lines", *(["--agree"] if agreed else [])]
    asked += ["--revision", revision] if revision else []
    child = subprocess.Popen(
        command or asked,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    )
    report: Report = {}
    listener = threading.Thread(target=_listen, args=(child, report), name="download", daemon=True)
    listener.start()
    try:
        while child.poll() is None:
            _pass_on(report, name, progress or Progress())
            time.sleep(0.1)
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()
        listener.join()
        if child.stdout is not None:
            child.stdout.close()
    model = shelf.find(name)
    if child.returncode != 0 or model is None:
        raise _reported_error(report, name)
    return model


def _listen(child: subprocess.Popen[str], report: Report) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        try:
            report.update(json.loads(line))
        except ValueError:
            report["last"] = (
                line.strip()
            )  # of what it printed besides; of use where it ends without an error of ours


def _pass_on(report: Report, name: str, progress: Progress) -> None:
    done, total = float(str(report.get("done", 0))), float(str(report.get("total", 0)))
    progress.update(
        done,
        total,
        "Downloading {name}: {mb:.1f} of {all_mb:.1f} MB",
        name=name,
        mb=done / 1e6,
        all_mb=total / 1e6,
    )


def _reported_error(report: Report, name: str) -> UserError:
    error = report.get("error")
    if isinstance(error, dict):
        values = error.get("values", {})
        kind = Unagreed if error.get("unagreed") else UserError
        return kind(error["what"], error["why"], error["remedy"], **values)
    return UserError(
        "{name} could not be downloaded.",
        "The download ended: {reason}.",
        "Check the connection and try again: it goes on where it stopped.",
        name=name,
        reason=str(report.get("last", "without a word"))[:300].rstrip("."),
    )


def fetch_in_lines(name: str, revision: str, agreed: bool, tell: Callable[[Report], None]) -> Shelved | None:
    """The child's part: fetch, and tell ``done`` and ``total`` bytes, or an ``error`` in its sentences; None then."""
    last = 0.0

    def report(done: float, total: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= TELL_S or done == total:
            last = now
            tell({"done": done, "total": total})

    try:
        return fetch(name, revision, Progress(lambda step: report(step.done, step.total)), agreed)
    except UserError as error:
        values = {
            key: value if isinstance(value, int | float) else str(value)
            for key, value in error.values.items()
        }
        sentences = {"what": error.what, "why": error.why, "remedy": error.remedy}
        tell({"error": {**sentences, "values": values, "unagreed": isinstance(error, Unagreed)}})
        return None
    except Cancelled:
        return None
