"""How long the event loop of the real window is away: idle, then while a run trains and a folder is recognised."""

import asyncio
import json
import os
import sys
import time

import numpy as np
import qasync
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from app import garbage, i18n, theme
from app.main_window import MainWindow
from app.services import Services

PERIOD_MS = 10


async def gaps(seconds: float, going=lambda: True) -> np.ndarray:
    """Seconds by which a timer of 10 ms came late."""
    late, last = [], [time.perf_counter()]

    def beat() -> None:
        now = time.perf_counter()
        late.append(now - last[0])
        last[0] = now

    timer = QTimer()
    timer.setTimerType(timer.timerType().PreciseTimer)
    timer.timeout.connect(beat)
    timer.start(PERIOD_MS)
    end = time.monotonic() + seconds
    while time.monotonic() < end and going():
        await asyncio.sleep(0.2)
    timer.stop()
    return np.array(late[5:])


async def measure(app: QApplication) -> None:
    i18n.install("en")
    theme.use_font(app)
    theme.apply(app, "light")
    services = Services()
    window = MainWindow(services, "emotion")
    window.resize(1280, 800)
    window.show()
    while window.page("emotion") is None:
        await asyncio.sleep(0.1)
    tab = window.page("emotion")
    tab.choice.choose("files")
    tab.page.try_sample()  # loads the model, so that loading is not measured below
    while not tab.files.table.rows or any(row.prediction is None for row in tab.files.table.rows):
        await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    seconds = float(sys.argv[1])
    idle = await gaps(seconds)

    from models.resources import resource
    from models.systems import training_config
    from models.training.config import preset
    from models.training.runs import new_run_path

    values = preset("emotion", "demo") | {"epochs": 200}
    config = training_config("emotion").model_validate(values).model_dump(mode="json")
    run = services.training.start(
        new_run_path(services.settings.runs_folder, "emotion"), "emotion", config, "cpu"
    )
    window.open_dock(True)
    while not (run.path / "best").exists():  # its first epoch is over
        await asyncio.sleep(0.2)
    clips = sorted(resource("samples", "emotion", "audio").glob("*.flac"))

    async def keep_recognising() -> None:
        while True:
            tab.files._clear()
            tab.accept_paths(clips)
            while any(row.prediction is None for row in tab.files.table.rows):
                await asyncio.sleep(0.1)

    job = asyncio.get_running_loop().create_task(keep_recognising())
    busy = await gaps(1.7 * seconds)
    job.cancel()
    services.training.stop(run)
    for _ in range(100):
        await asyncio.sleep(0.1)
        if not run.alive:
            break
    figures = {
        "idle_p99": float(np.percentile(idle, 99)),
        "busy_p99": float(np.percentile(busy, 99)),
        "busy_max": float(busy.max()),
        "beats": len(busy),
    }
    print(json.dumps(figures), flush=True)
    os._exit(0)


def main() -> None:
    app = QApplication(sys.argv[:1])
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    collector = garbage.GuiCollector()
    collector.setObjectName("collector")
    with loop:
        loop.run_until_complete(measure(app))


main()
