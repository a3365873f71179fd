"""Rows of the training dock."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import numpy as np
import yaml

from tests.benchmarks.timing import ms, row, run_program, sized

HERE = Path(__file__).parent
RUNS, POINTS = 200, 100_000


def write_long_runs(folder: Path, runs: int = RUNS, points: int = POINTS) -> None:
    """Run folders as long trainings leave them: `points` steps with three figures, an epoch every thousand steps."""
    from models.training import events

    story = folder / "story.jsonl"
    writer = events.EventWriter(story)
    writer.write(
        events.Started(
            pid=999_999, process_started=0, system="emotion", device="cpu", total_epochs=points // 1000,
            total_steps=points,
        )
    )  # fmt: skip
    noise = np.random.default_rng(0).normal(0, 0.1, points)
    lines = []
    for step in range(1, points + 1):
        loss = 1 / (1 + step / 5000) + noise[step - 1]
        values = {"train/loss": loss, "learning_rate": 5e-4, "gradient_norm": 1 + noise[step - 1]}
        lines.append(events.Scalars(step=step, epoch=step / 1000, values=values).model_dump_json().encode())
        if step % 1000 == 0:
            epoch = events.Epoch(
                epoch=step // 1000, step=step, values={"validation/uar": 1 - loss / 2, "train/loss": loss}, best=True
            )  # fmt: skip
            lines.append(epoch.model_dump_json().encode())
    with open(story, "ab") as file:
        file.write(b"\n".join(lines) + b"\n")
    writer.write(
        events.Finished(
            reason="completed", epoch=points // 1000, step=points, best_epoch=points // 1000, best_value=0.8,
            metric="validation/uar",
        )
    )  # fmt: skip
    writer.close()
    config = {"system": "emotion", **_config()}
    for number in range(runs):
        run = folder / "runs" / f"long-{number:03d}"
        run.mkdir(parents=True)
        os.link(story, run / "events.jsonl")  # one story, many names: the disk need not hold 3 GB
        (run / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")


def _config() -> dict[str, object]:
    from models.systems import training_config

    return training_config("emotion")().model_dump(mode="json")


def many_long_runs() -> dict[str, object]:
    """From opening the dock on 200 runs of 100,000 points to a list that answers and the selected run's whole curve."""
    with tempfile.TemporaryDirectory() as home:
        runs, points = sized(RUNS, 5), sized(POINTS, 2_000)
        write_long_runs(Path(home), runs, points)
        environment = {"POLYPHONY_HOME": home}
        lines = run_program(HERE / "long_runs.py", str(runs), str(points), environment=environment)
    told = json.loads(lines[-1])
    ours = (
        f"list {ms(told['list_s'])}, its figures and the selected run's {told['points']:,} points {ms(told['curve_s'])}, "
        f"a redraw {ms(told['frame_s'])}, longest turn of the loop {ms(told['longest_s'])}"
    )
    return row(
        f"opening {RUNS} runs of {POINTS:,} points",
        f"every line of one such run through pydantic, {ms(told['peer_s'])}",
        ours,
        told["peer_s"] / told["curve_s"],
        "interactive < 2 s, redraw ≤ 10 ms",
    )
