"""The lab streaming layer, for tests: a process and those it starts see only their own streams, whoever else tests nearby."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path


def alone() -> None:
    """To be called while a module of tests is imported: liblsl reads its settings once, when it is first used."""
    if "LSLAPICFG" in os.environ:
        return
    folder = tempfile.mkdtemp(prefix="polyphony-lsl-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / "lsl_api.cfg"
    path.write_text(f"[lab]\nSessionID = polyphony-{os.getpid()}\n")
    os.environ["LSLAPICFG"] = str(path)
