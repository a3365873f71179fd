"""A run on several processes as a person starts it: torchrun, the command line, one run folder."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from models import checkpoint
from models.training import events
from models.training.run_folder import RunFolder, RunState, RunStory

ROOT = Path(__file__).parents[3]
TINY = {
    "emotion": ["epochs=1", "network.hidden=8", "batch_size=9"],
    "separation": [
        "epochs=1", "batch_size=3", "data.epoch_mixtures=7", "data.fixed_mixtures=3", "data.fixed_s=0.5", "data.segment_s=0.5",
        "network.filters=64", "network.filter_length=32", "network.bottleneck=8", "network.skip=8", "network.hidden=8", "network.blocks=2",
    ],
}  # fmt: skip


def launched(*arguments):
    with socket.socket() as result:
        result.bind(("127.0.0.1", 0))
        port = str(result.getsockname()[1])
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", port]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*command, "-m", "models", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
@pytest.mark.parametrize("system", TINY)
def test_torchrun_trains_one_run_on_two_processes_and_goes_on_with_it(system, tmp_path):
    place = tmp_path / "run"
    settings = [system, "--preset", "demo", "--device", "cpu", "--quiet", "--run-folder", str(place)]
    done = launched("train", *settings, "--set", *TINY[system])
    assert done.returncode == 0, done.stderr[-3000:]
    run = RunFolder.open(place)
    told = events.EventReader(run.events_file).read_new()
    assert sum(isinstance(event, events.Started) for event in told) == 1, "one of them tells"
    story = RunStory(run)
    story.read()
    assert story.state is RunState.DONE
    info = checkpoint.read_info(run.best, system)
    assert info.training["processes"] == 2
    run.change_config(epochs=2)
    done = subprocess.run(  # by hand, alone: it remembers how it was trained
        [sys.executable, "-m", "models", "resume", str(place), "--quiet", "--json"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1])["epoch"] == 2
    told = [
        event for event in events.EventReader(run.events_file).read_new() if isinstance(event, events.Started)
    ]
    assert [(event.device, event.processes) for event in told] == [("cpu", 2)] * 2
    epochs = [e.epoch for e in events.EventReader(run.events_file).read_new() if isinstance(e, events.Epoch)]
    assert epochs == [1, 2]
