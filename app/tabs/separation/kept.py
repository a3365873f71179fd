"""The tracks that separations left in the Polyphony folder: how much room they take, and making some. No Qt."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from models import resources

UNFINISHED = ".separating-"  # a folder in which tracks are being written
ABANDONED_S = 24 * 3600.0  # after which such a folder is nobody's any more


@dataclass(frozen=True)
class Kept:
    """One recording's tracks. used: when they were last written, seconds since 1970."""

    folder: Path
    size: int
    used: float


def place() -> Path:
    """The folder of all of them."""
    return resources.home() / "separated"


def listed() -> list[Kept]:
    """What there is, the oldest first. What cannot be looked at is left out."""
    result = []
    for folder in place().iterdir() if place().is_dir() else ():
        if folder.is_dir() and not folder.is_symlink():
            sizes, times = [0], [folder.stat().st_mtime]
            for path in folder.rglob("*"):
                try:
                    status = path.lstat()
                except OSError:  # removed meanwhile
                    continue
                sizes.append(status.st_size)
                times.append(status.st_mtime)
            result.append(Kept(folder, sum(sizes), max(times)))
    return sorted(result, key=lambda item: item.used)


def bytes_kept() -> int:
    """How much room all separated tracks take in the Polyphony folder."""
    return sum(item.size for item in listed())


def make_room(most_bytes: int, spared: Collection[Path] = ()) -> int:
    """Remove the oldest tracks until the rest takes at most that much; `spared` folders stay, whatever they take. Also
    what killed separations left behind. Returns how many bytes became free."""
    _sweep()
    kept = listed()
    taken, freed = sum(item.size for item in kept), 0
    spared = {folder.resolve() for folder in spared}
    for item in kept:
        if taken - freed <= most_bytes:
            break
        if item.folder.resolve() not in spared:
            shutil.rmtree(item.folder, ignore_errors=True)
            freed += item.size
    return freed


def _sweep() -> None:
    for folder in place().glob(f"*/{UNFINISHED}*"):
        if time.time() - folder.stat().st_mtime > ABANDONED_S:
            shutil.rmtree(folder, ignore_errors=True)
