"""Runs as folders, written without training."""

import numpy as np

from models.emotion.config import EmotionConfig
from models.resources import runs_folder
from models.training import events, pictures
from models.training.items import Items
from models.training.run_folder import RunFolder


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
