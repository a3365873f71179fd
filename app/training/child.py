"""The process in which a run is trained: detached from the window, of lower priority, told how many threads to use."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

from models.resources import resource
from models.training.run_folder import RunFolder

log = logging.getLogger("polyphony.training")


def child_environment(cores: int | None = None, offline: bool = False) -> dict[str, str]:
    """The window's own, with one core left to the window."""
    threads = str(max(1, (cores or os.cpu_count() or 1) - 1))
    environment = dict(os.environ)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        environment.setdefault(name, threads)
    environment["PYTHONUNBUFFERED"] = "1"
    environment["PYTHONUTF8"] = "1"
    if offline:
        environment["HF_HUB_OFFLINE"] = "1"
    return environment


def spawn(run: RunFolder, command: Iterable[str], offline: bool = False) -> subprocess.Popen[bytes]:
    """Start a detached process of lower priority, its output appended to the run's ``log.txt``."""
    options: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        options = {
            "creationflags": subprocess.CREATE_NEW_PROCESS_GROUP
            | subprocess.BELOW_NORMAL_PRIORITY_CLASS
            | subprocess.CREATE_NO_WINDOW
        }
    with open(run.log_file, "ab") as output:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=str(resource().parent),
            env=child_environment(offline=offline),
            close_fds=True,
            **options,
        )
    if sys.platform != "win32":
        _lower_priority(child.pid)
    return child


def _lower_priority(pid: int) -> None:
    import psutil

    try:
        psutil.Process(pid).nice(10)
    except psutil.Error as error:  # it has ended already, or may not be changed: it runs all the same
        log.info("process %s keeps its priority: %s", pid, error)
