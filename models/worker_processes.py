"""What a process that works for another one does when that one ends."""

from __future__ import annotations

import os
import threading
from multiprocessing import parent_process


def end_with_parent() -> None:
    """End this process when the one that started it has ended, however that ended: nobody waits for the work any more.

    Called in a process that `multiprocessing` has started; elsewhere nothing is done.
    """
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, name="end with the parent", daemon=True).start()
