"""Loops that are written in C++ and compiled where they run, for the processor that is there.

A library is built by the GNU compiler when something is trained for the first time, in seconds, and kept in the cache, where
all later uses find it; nothing is built to use a model. Where there is no compiler, or it fails, nobody is asked for
anything: what the loops do is there in PyTorch's operations as well, slower. On Linux alone, where the threads that the
loops share with PyTorch are found in what it has loaded.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path

from models import resources, writing

SWITCH = "POLYPHONY_NATIVE"  # "0": do without
ANY_ORDER = [  # sums may be added up in any order, as PyTorch's are; infinities and NaN stay what they are
    "-fassociative-math",
    "-fno-signed-zeros",
    "-fno-trapping-math",
    "-fno-math-errno",
]
PORTABLE = ["-std=c++17", "-O3", "-march=native", "-fPIC", "-fopenmp", *ANY_ORDER]
FLAGS = [*PORTABLE, "-mprefer-vector-width=512"]  # a width that some processors' compilers do not know
LINKED = ["-shared", "-static-libstdc++", "-static-libgcc"]  # OpenMP is PyTorch's, which has brought it along
LONGEST_S = 120.0
_log = logging.getLogger(__name__)
_lock = threading.Lock()
_libraries: dict[Path, ctypes.CDLL] = {}
_missed: dict[Path, bool] = {}  # of those that there are not: whether building them was tried


def library(source: Path, build: bool) -> ctypes.CDLL | None:
    """The functions of a C++ file; None where they are not built, and not to be, or cannot be built or loaded, which the
    log tells."""
    with _lock:
        if source not in _libraries and (source not in _missed or (build and not _missed[source])):
            _missed[source] = build
            try:
                loaded = _loaded(source, build)
            except (OSError, subprocess.SubprocessError) as error:
                _log.info("%s is done without: %s", source.name, error)
            else:
                if loaded is not None:
                    _libraries[source] = loaded
        return _libraries.get(source)


def forget() -> None:
    """Ask anew, as a new process would."""
    with _lock:
        _libraries.clear()
        _missed.clear()


def _loaded(source: Path, build: bool) -> ctypes.CDLL | None:
    """The library from the cache, built where it is not there; None: not there, and not to be built, or nobody can."""
    if sys.platform != "linux" or os.environ.get(SWITCH) == "0" or not source.is_file():
        return None
    what = [source.read_bytes(), " ".join(FLAGS).encode(), _instructions().encode()]
    key = hashlib.sha256(b"\0".join(what)).hexdigest()[:20]
    target = resources.cache_folder() / "native" / f"{source.stem}-{key}.so"
    if not target.is_file():
        compiler = shutil.which("g++") if build else None
        if compiler is None:
            return None
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        writing.write_whole(target, _built(compiler, source))
        target.chmod(0o600)
    for place in (target.parent, target):  # what runs as this person is nobody else's to write
        status = place.stat()
        if status.st_uid != os.getuid() or status.st_mode & 0o022:
            raise OSError(f"{place} can be written by others")
    return ctypes.CDLL(str(target))


@cache
def _instructions() -> str:
    """What the processor can do, in the system's own words: a library built for another one may not run on this one."""
    lines = ""
    with suppress(OSError):
        text = Path("/proc/cpuinfo").read_text("utf-8", errors="replace")
        lines = next((line for line in text.splitlines() if line.startswith(("flags", "Features"))), "")
    return f"{platform.machine()} {lines}"


def _built(compiler: str, source: Path) -> bytes:
    """The library of a C++ file. Raises OSError and SubprocessError with the compiler's last words."""
    environment = os.environ | {"LC_ALL": "C"}
    if hasattr(sys, "_MEIPASS"):  # a frozen program's libraries are not the compiler's
        environment["LD_LIBRARY_PATH"] = os.environ.get("LD_LIBRARY_PATH_ORIG", "")

    def run(*words: str) -> bytes:
        done = subprocess.run(
            [compiler, *words], capture_output=True, timeout=LONGEST_S, env=environment, check=False
        )
        return b"" if done.returncode == 0 else done.stderr[-400:] or b"it failed without a word"

    with tempfile.TemporaryDirectory() as folder:
        compiled, linked = Path(folder, "it.o"), Path(folder, "it.so")
        refused = run(*FLAGS, "-c", str(source), "-o", str(compiled))
        refused = refused and run(*PORTABLE, "-c", str(source), "-o", str(compiled))
        refused = refused or run(*LINKED, str(compiled), "-o", str(linked))
        if refused:
            raise OSError(refused.decode("utf-8", errors="replace"))
        return linked.read_bytes()
