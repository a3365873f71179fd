"""Where the built program begins. It has no Python beside it: whatever it starts, it starts as itself, in a Python's words.

Trainings and downloads are `resources.own_command`, several cards are trained on by torchrun, and what reads data in
processes of its own is begun by ``multiprocessing``. None of them is to wait for the window's libraries.
"""

from __future__ import annotations

import runpy
import sys

MODULES = ("models", "torch.distributed.run")


def main(given: list[str]) -> int:
    """``-m models …`` and ``-m torch.distributed.run …``, with or without ``-u``, as a Python takes them; anything else
    is the window's. Returns the exit code, or ends the program with it."""
    words = given[1:] if given[:1] == ["-u"] else given
    if words[:1] == ["-m"] and len(words) > 1 and words[1] in MODULES:
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        return 0
    from app.__main__ import main as window

    return window(given)


if __name__ == "__main__":
    from multiprocessing import freeze_support

    freeze_support()
    sys.exit(main(sys.argv[1:]))
