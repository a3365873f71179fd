"""What a journey through the real window is made of: it runs in a process of its own and tells JSON lines."""

import asyncio
import json
import os
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

import qasync
from PySide6.QtWidgets import QApplication


def run(journey: Callable[[QApplication], Awaitable[None]], pictures: Path | None = None) -> None:
    """Go on the journey in a loop of Qt's and end this process at once, whatever still runs; with 1 where it failed, whose
    traceback is told, and the screen kept as ``failed.png`` in the folder of pictures, if there is one."""
    app = QApplication(sys.argv[:1])
    app.setQuitOnLastWindowClosed(False)
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    code = 0
    with loop:
        try:
            loop.run_until_complete(journey(app))
        except BaseException:
            code = 1
            traceback.print_exc(file=sys.stdout)
            if pictures is not None:
                QApplication.primaryScreen().grabWindow(0).save(str(pictures / "failed.png"))
    sys.stdout.flush()
    os._exit(code)


def tell(**values):
    print(json.dumps(values), flush=True)


async def until(condition, timeout_s=60.0):
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(condition)
        await asyncio.sleep(0.05)
