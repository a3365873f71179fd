"""A lock on what one process at a time may change: a run, a recording, an index.

The lock is the operating system's, on a small file beside what it guards: it ends with the process that holds it,
however that ends, so a lock left behind blocks nobody. The file says who holds it (host, process, since when). Where a
file system is shared by several machines, its locks may not be: there a holder on another host counts as alive while it
touches the file (`Lock.beat`, every `BEAT_S`).

    with locks.taken(folder / ".lock"):        # raises `Held`, which knows the holder
        ...
    locks.holder(folder / ".lock")             # who holds it now; None if nobody does
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import psutil

BEAT_S = 15.0
DEAD_AFTER_S = 90.0  # without a beat, a holder on another host is taken for gone
PLACE = 2**20  # the byte that is locked on Windows, where what is locked cannot be read


@dataclass(frozen=True)
class Holder:
    """Who holds a lock. started: when its process was created, since: when it took the lock, seconds since 1970."""

    host: str = ""
    pid: int = 0
    started: float = 0.0
    since: float = 0.0

    @classmethod
    def here(cls) -> Holder:
        """This process, from now on."""
        process = psutil.Process()
        return cls(socket.gethostname(), process.pid, process.create_time(), time.time())


class Held(Exception):
    """Somebody else holds the lock."""

    def __init__(self, path: Path, holder: Holder) -> None:
        super().__init__(f"{path} is held by process {holder.pid} on {holder.host}")
        self.path, self.holder = path, holder


class Lock:
    """A lock that this process holds, until `release` or its end."""

    def __init__(self, path: Path, file: IO[bytes], left_by: Holder | None) -> None:
        self.path, self._file = path, file
        self.left_by = left_by  # who held it last and ended without giving it back
        self._ended = threading.Event()

    def beat(self) -> None:
        """Show that the holder lives, to other hosts."""
        with contextlib.suppress(OSError):
            os.utime(self.path)

    def keep_beating(self) -> None:
        """Beat from a thread of its own until the lock is given back."""

        def run() -> None:
            while not self._ended.wait(BEAT_S):
                self.beat()

        threading.Thread(target=run, name="lock beat", daemon=True).start()

    def release(self) -> None:
        """Let others have it; a second call does nothing."""
        self._ended.set()
        if self._file.closed:
            return
        with contextlib.suppress(OSError):
            self._file.truncate(0)
        with contextlib.suppress(OSError):
            _unlock(self._file)
        self._file.close()


def take(path: Path) -> Lock:
    """Take the lock at `path`. Raises `Held` if another holds it, OSError where the file cannot be written."""
    path = Path(path)
    file = open(path, "a+b")  # noqa: SIM115
    try:
        kept = _read(file)
        if not _locked(file) or _beats(path, kept):
            raise Held(path, kept or Holder())
        file.seek(0)
        file.truncate(0)
        file.write(json.dumps(asdict(Holder.here())).encode())
        file.flush()
    except BaseException:
        file.close()
        raise
    return Lock(path, file, kept)


@contextmanager
def taken(path: Path) -> Iterator[Lock]:
    """Within, this process holds the lock. Raises `Held` if another does."""
    lock = take(path)
    try:
        yield lock
    finally:
        lock.release()


def holder(path: Path) -> Holder | None:
    """Who holds the lock now; None if nobody does, or it was left behind. Changes nothing."""
    try:
        with open(path, "r+b") as file:
            kept = _read(file)
            if not _locked(file):
                return kept or Holder()
            _unlock(file)
            return kept if _beats(Path(path), kept) else None
    except OSError:
        return None


def _beats(path: Path, kept: Holder | None) -> bool:
    """Whether a holder on another host, whose lock this system does not see, was alive lately."""
    if kept is None or not kept.host or kept.host == socket.gethostname():
        return False
    try:
        return time.time() - path.stat().st_mtime < DEAD_AFTER_S
    except OSError:
        return False


def _read(file: IO[bytes]) -> Holder | None:
    """What the file says of its holder; None for what no holder wrote."""
    try:
        file.seek(0)
        values: Any = json.loads(file.read(4096))
        return Holder(
            str(values["host"]), int(values["pid"]), float(values["started"]), float(values["since"])
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


if sys.platform == "win32":
    import msvcrt

    def _locked(file: IO[bytes]) -> bool:
        try:
            file.seek(PLACE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file: IO[bytes]) -> None:
        file.seek(PLACE)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _locked(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks: then what the file says is all there is
            return True
        return True

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
