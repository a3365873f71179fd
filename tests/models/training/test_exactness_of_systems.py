"""One table for the five systems as they are: a step is the same on one process, on two and on three, and in any parts.

Tolerance: 1e-3 relative and 1e-5 absolute, of every loss told and of every weight; sums are rounded in another order.
What is not the same is said before the run begins.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import real_tasks
import torch

from models import checkpoint
from models.training.record import Record
from models.training.run_folder import RunFolder

ROOT = Path(__file__).parents[3]
WORLDS = (1, 2, 3)
RELATIVE, ABSOLUTE = 1e-3, 1e-5


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """trained(size) → the folder with the runs of every case by so many processes, which are trained when first wanted."""
    folders = {}

    def folder_of(size):
        if size not in folders:
            folders[size] = tmp_path_factory.mktemp(f"processes{size}")
            train(size, folders[size])
        return folders[size]

    return folder_of


def train(size, folder):
    real_tasks.write_data(folder)
    with socket.socket() as result:
        result.bind(("127.0.0.1", 0))
        port = str(result.getsockname()[1])
    common = {
        **os.environ, "WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    said = [folder / f"process{rank}.txt" for rank in range(size)]
    processes = []
    for rank, place in enumerate(said):
        with open(place, "wb") as file:  # not a pipe, which would fill up while another is waited for
            own = {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            command = [sys.executable, real_tasks.__file__, str(folder)]
            processes.append(
                subprocess.Popen(command, env=common | own, stdout=subprocess.DEVNULL, stderr=file)
            )
    try:
        for process, place in zip(processes, said, strict=True):
            assert process.wait(timeout=1000) == 0, place.read_text("utf-8", "replace")[-3000:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def run_of(trained, size, case, parts):
    return RunFolder.open(trained(size) / f"{case}-{parts}")


def losses(run):
    record = Record.read(run)
    steps = {name: series.y.tolist() for name, series in record.steps.items() if name.endswith("loss")}
    return steps | {f"epoch {n}": s.y.tolist() for n, s in record.epochs.items() if n.endswith("loss")}


@pytest.mark.slow
@pytest.mark.timeout(1200)  # the first test of each number of processes waits for all their runs
@pytest.mark.parametrize("parts", real_tasks.PARTS)
@pytest.mark.parametrize("size", WORLDS)
@pytest.mark.parametrize("case", real_tasks.CASES)
def test_the_same_steps_on_any_number_of_processes_and_in_any_parts(trained, case, size, parts):
    run = run_of(trained, size, case, parts)
    warned = any("batch normalisation" in item.text for item in Record.read(run).messages)
    assert warned is (case in real_tasks.BATCH_STATISTICS and parts > 1)
    # Batch normalisation looks at each part by itself, on all processes together: it is held to the same parts.
    reference = run_of(trained, 1, case, parts if warned else 1)
    ours, theirs = losses(reference), losses(run)
    assert ours.keys() == theirs.keys()
    assert {"train/loss", "epoch validation/loss"} <= ours.keys()
    for name, values in ours.items():
        assert theirs[name] == pytest.approx(values, rel=RELATIVE, abs=ABSOLUTE), name
    last = checkpoint.load_weights(run.last / checkpoint.WEIGHTS)
    for name, tensor in checkpoint.load_weights(reference.last / checkpoint.WEIGHTS).items():
        torch.testing.assert_close(last[name], tensor, rtol=RELATIVE, atol=ABSOLUTE, msg=name)
