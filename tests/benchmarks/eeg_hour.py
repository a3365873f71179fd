"""An hour of 64 channels at 512 Hz in the EEG tab: how soon it is there, how fluently it scrolls and zooms, what it takes.

Prints JSON: seconds until the first traces and until the whole is looked through, frames a second, megabytes.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import psutil

CHANNELS, RATE = 64, 512
SCROLLED, ZOOMED = 240, 160  # frames


def write_bdf(path: Path, seconds: int) -> None:
    """BioSemi's format: 24 bits, a record a second; waves whose phase runs differently in each channel."""
    from models.eeg.recordings import BIOSEMI64

    def column(values: list[object], width: int) -> bytes:
        return b"".join(str(value).encode().ljust(width) for value in values)

    head = (
        b"\xffBIOSEMI"
        + b" " * 160
        + b"01.01.2601.01.01"
        + column([256 * (CHANNELS + 1)], 8)
        + column(["24BIT"], 44)
    )
    head += column([seconds], 8) + column([1], 8) + column([CHANNELS], 4)
    head += column(list(BIOSEMI64), 16) + column(["electrode"] * CHANNELS, 80) + column(["uV"] * CHANNELS, 8)
    for limit in (-262144, 262143, -8388608, 8388607):
        head += column([limit] * CHANNELS, 8)
    head += column([""] * CHANNELS, 80) + column([RATE] * CHANNELS, 8) + column([""] * CHANNELS, 32)
    generator = np.random.default_rng(0)
    speeds = generator.uniform(4, 20, (CHANNELS, 1))
    with open(path, "wb") as file:
        file.write(head)
        for second in range(seconds):
            t = second + np.arange(RATE) / RATE
            microvolts = 15 * np.sin(2 * np.pi * speeds * t) + generator.normal(0, 6, (CHANNELS, RATE))
            counts = np.ascontiguousarray((32 * microvolts).astype("<i4"))
            file.write(counts.view(np.uint8).reshape(CHANNELS, RATE, 4)[:, :, :3].tobytes())


async def measured(path: Path, window: object) -> dict[str, float]:
    from app.tabs.eeg import EegTab

    tab = window.show_tab("eeg")  # type: ignore[attr-defined]
    assert isinstance(tab, EegTab)
    await asyncio.sleep(0.5)
    process = psutil.Process()
    before = process.memory_info().rss
    traces = tab.browser.traces
    began = time.perf_counter()
    tab.accept_paths([path])
    while traces.shown_columns() is None:
        await asyncio.sleep(0.005)
    traces.repaint()
    first = time.perf_counter() - began
    while not tab.browser.looked_through:
        await asyncio.sleep(0.02)
    whole = time.perf_counter() - began
    await asyncio.sleep(0.3)
    scrolled = await _frames(traces, [(200 + 0.5 * i, 210 + 0.5 * i) for i in range(SCROLLED)])
    spans = np.geomspace(1, 3600, ZOOMED)
    zoomed = await _frames(traces, [(max(0, 1800 - span / 2), 1800 + span / 2) for span in spans])
    return {
        "first_s": first,
        "whole_s": whole,
        "scroll_fps": 1 / float(np.mean(scrolled)),
        "zoom_fps": 1 / float(np.mean(zoomed)),
        "slowest_ms": 1000 * float(np.quantile(scrolled + zoomed, 0.99)),
        "megabytes": (process.memory_info().rss - before) / 1e6,
    }


async def _frames(traces: object, ranges: list[tuple[float, float]]) -> list[float]:
    """Seconds of each frame: moved, computed, painted; what has been read meanwhile arrives in between."""
    seconds = []
    for left, right in ranges:
        began = time.perf_counter()
        traces.show_range(left, right)  # type: ignore[attr-defined]
        traces.viewport().repaint()  # type: ignore[attr-defined]
        await asyncio.sleep(0)
        seconds.append(time.perf_counter() - began)
    return seconds


def main() -> int:
    import qasync
    from PySide6.QtWidgets import QApplication

    from app import i18n, theme
    from app.main_window import MainWindow
    from app.services import Services

    app = QApplication(sys.argv[:1])
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    i18n.install("en")
    theme.use_font(app)
    theme.apply(app, "light")

    async def run(path: Path) -> dict[str, float]:
        services = Services()
        window = MainWindow(services)
        window.resize(1280, 800)
        window.show()
        await asyncio.sleep(0.5)
        result = await measured(path, window)
        await services.close()
        window.close()
        return result

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hour.bdf"
        write_bdf(path, int(sys.argv[1]))
        with loop:
            print(json.dumps(loop.run_until_complete(run(path))), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
