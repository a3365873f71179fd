"""Runs as folders, written without training, and a child process that trains nothing."""

import numpy as np
import psutil

from models.emotion.config import EmotionConfig
from models.resources import runs_folder
from models.training import events, pictures
from models.training.items import Items
from models.training.run_folder import RunFolder

CHILD = """
import os, sys, time
from pathlib import Path
import psutil
from models.training import events
from models.training.run_folder import RunFolder

words = sys.argv[1:]
run = RunFolder(Path(words[words.index("--run") + 1] if "--run" in words else words[-1]))
writer = events.EventWriter(run.events_file)
me = psutil.Process()
writer.write(events.Started(pid=me.pid, process_started=me.create_time(), system="emotion", device="cpu",
                            total_epochs=3, total_steps=3))
print("nice", me.nice(), "threads", os.environ["OMP_NUM_THREADS"], "session", os.getsid(0) == me.pid, flush=True)
print("words", " ".join(words), flush=True)
writer.write(events.Epoch(epoch=1, step=1, values={"validation/uar": 0.5, "train/loss": 1.0}, best=True))
while not run.stop_file.exists():
    time.sleep(0.01)
writer.write(events.Finished(reason="stopped", epoch=1, step=1, best_epoch=1, best_value=0.5, metric="validation/uar"))
"""


def config(**changes):
    values = EmotionConfig(epochs=10).model_dump(mode="json")
    for name, value in changes.items():
        place = values
        *above, last = name.split("__")
        for part in above:
            place = place[part]
        place[last] = value
    return values


def write_run(name, *, level=0.8, settings=None, group="", small=False, tail=True, right=None):
    run = RunFolder.create(runs_folder() / name, "emotion", settings or config())
    writer = events.EventWriter(run.events_file)
    writer.write(
        events.Started(
            pid=999_999, process_started=0, system="emotion", device="cpu", total_epochs=10, total_steps=100
        )
    )
    writer.write(events.Layers(names=["front", "middle", "head"], output=2))
    for step in range(1, 101):
        values = {"train/loss": 2.0 / step, "gradient_norm": 1.0}
        writer.write(events.Scalars(step=step, epoch=step / 10, values=values, t=1000.0 + 6 * step))
        if step % 10 == 0:
            front = 0.0005 if small else 0.5
            writer.write(
                events.Flow(
                    step=step,
                    epoch=step / 10,
                    gradient=[front, 0.7, 1.0],
                    moved=[0.1, 0.1, 0.1],
                    dead=[0, 0, 0],
                )
            )
            figures = {
                "train/loss": 2.0 / step,
                "validation/loss": 2.5 / step,
                "validation/uar": level * step / 100,
            }
            writer.write(
                events.Epoch(epoch=step // 10, step=step, values=figures, best=True, t=1000.0 + 6 * step)
            )
            shown = pictures.Matrix("Confusion", ["angry", "sad"], [[step, 1], [2, 3]])
            path = pictures.save(run.path, step // 10, 0, shown)
            writer.write(events.Picture(path=path, title="Confusion", epoch=step // 10))
    if tail:
        writer.write(
            events.Finished(
                reason="completed",
                epoch=10,
                step=100,
                best_epoch=10,
                best_value=level,
                metric="validation/uar",
            )
        )
    writer.close()
    if group:
        run.keep_about(group=group)
    if right is not None:
        names = [f"clip{i}" for i in range(len(right))]
        Items("right", names, [f"s{i % 8}" for i in range(len(right))], np.array(right, float)).save(run.path)
    return run


def read_all(runs, qtbot):
    runs.rescan()
    qtbot.waitUntil(lambda: not any(run.behind for run in runs.runs), timeout=180_000)
    for run in runs.runs:
        runs.updated.emit(run.path)


def left_run(name, *, epochs=20, end="completed", pid=None, config=None):
    """A run folder as a training leaves it."""
    run = RunFolder.create(runs_folder() / name, "emotion", config or {"epochs": epochs})
    writer = events.EventWriter(run.events_file)
    process = psutil.Process(pid) if pid else None
    writer.write(
        events.Started(
            pid=pid or 999_999,
            process_started=process.create_time() if process else 0.0,
            system="emotion",
            device="cpu",
            total_epochs=epochs,
            total_steps=epochs * 10,
        )
    )
    for epoch in range(1, epochs + 1):
        for step in range(10):
            writer.write(
                events.Scalars(
                    step=(epoch - 1) * 10 + step + 1,
                    epoch=epoch - 1 + step / 10,
                    values={"train/loss": 1 / epoch, "learning_rate": 1e-3 / epoch},
                )
            )
        value = 0.5 + 0.4 * epoch / epochs if epoch <= 15 else 0.6
        writer.write(
            events.Epoch(
                epoch=epoch,
                step=epoch * 10,
                values={"train/loss": 1 / epoch, "validation/loss": 1.2 / epoch, "validation/uar": value},
                best=epoch <= 15,
                remaining_s=120.0,
            )
        )
    if end in ("completed", "stopped"):
        writer.write(
            events.Finished(
                reason=end, epoch=epochs, step=1, best_epoch=15, best_value=0.8, metric="validation/uar"
            )
        )
    elif end == "failed":
        writer.write(events.Failed(what="The GPU ran out of memory.", remedy="Choose a smaller batch."))
    writer.close()
    run.log_file.write_text("line one\nline two\n" + ("Killed\n" if end == "died" else ""))
    return run


def spots(dock):
    return [{"pos": point.pos()} for point in dock.curves.best.points()]
