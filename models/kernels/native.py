"""Loops that are written in C++ and compiled where they run, for the processor that is there.

A library is built by the GNU compiler at first use, in seconds, and kept in the cache. Where there is none, or it fails,
nobody is asked for anything: what the loops do is there in PyTorch's operations as well, slower.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from models import resources
from models.kernels import processor

SWITCH = "POLYPHONY_NATIVE"  # "0": do without
ANY_ORDER = [  # sums may be added up in any order, as PyTorch's are; infinities and NaN stay what they are
    "-fassociative-math",
    "-fno-signed-zeros",
    "-fno-trapping-math",
    "-fno-math-errno",
]
PORTABLE = ["-std=c++17", "-O3", "-march=native", "-fPIC", "-fopenmp", *ANY_ORDER]
FLAGS = [*PORTABLE, "-mprefer-vector-width=512"]  # a width that some processors' compilers do not know
LONGEST_S = 120.0
_log = logging.getLogger(__name__)


@cache
def library(source: Path) -> ctypes.CDLL | None:
    """The functions of a C++ file; None where it cannot be compiled or loaded, which the log tells."""
    compiler = shutil.which("g++")
    if compiler is None or os.environ.get(SWITCH) == "0" or not source.is_file():
        return None
    try:
        return ctypes.CDLL(str(_built(compiler, source)))
    except (OSError, subprocess.SubprocessError) as error:
        _log.info("%s is done without: %s", source.name, error)
        return None


def _built(compiler: str, source: Path) -> Path:
    """The library of `source`, from the cache where it was built of the same text by the same compiler for this processor."""
    version = subprocess.run(
        [compiler, "--version"], capture_output=True, check=True, timeout=LONGEST_S
    ).stdout
    what = [source.read_bytes(), version, " ".join(FLAGS).encode(), processor.name().encode()]
    key = hashlib.sha256(b"\0".join(what)).hexdigest()[:20]
    target = resources.cache_folder() / "native" / f"{source.stem}-{key}.so"
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            compiled, linked = Path(folder, "it.o"), Path(folder, "it.so")
            for flags in (FLAGS, PORTABLE):
                command = [compiler, *flags, "-c", str(source), "-o", str(compiled)]
                result = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S)
                if result.returncode == 0:
                    break
            else:
                raise OSError(result.stderr[-400:])
            # Without OpenMP's own library: threads are to be those of PyTorch, which has brought it along.
            command = [compiler, "-shared", str(compiled), "-o", str(linked)]
            subprocess.run(command, capture_output=True, check=True, timeout=LONGEST_S)
            os.replace(linked, target)  # at once, so that another process finds all of it or none
    return target
