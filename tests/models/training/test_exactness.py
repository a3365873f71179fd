"""The same steps on two processes as on one, in a smaller batch as in a large one, after a kill as without."""

import os
import random
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from line_task import TASKS, LineConfig, LineTask

from models import checkpoint
from models.training import events
from models.training.config import validated
from models.training.record import Record
from models.training.run_folder import RunFolder, RunState, RunStory
from models.training.trainer import Trainer

RUNNER = Path(__file__).with_name("run_line.py")
ROOT = Path(__file__).parents[3]


def config(**changes):
    usual = {"epochs": 4, "batch_size": 8, "learning_rate": 0.01, "early_stop": 0, "dropout": 0.0}
    return LineConfig(**{**usual, **changes})


def made(folder, settings):
    return RunFolder.create(folder, "line", settings.model_dump(mode="json"))


def weights(run):
    return checkpoint.load(run.last, "line")[0]


def curves(run):
    record = Record.read(run)
    return {name: series.y.tolist() for name, series in record.steps.items() if "memory" not in name} | {
        f"epoch {name}": series.y.tolist() for name, series in record.epochs.items()
    }


def start_two(run, task):
    """Two processes that compute together over gloo, as torchrun starts them."""
    with socket.socket() as result:
        result.bind(("127.0.0.1", 0))
        port = str(result.getsockname()[1])
    common = {
        **os.environ, "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    return [
        subprocess.Popen(
            [sys.executable, str(RUNNER), str(run.path), task],
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for rank in range(2)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "changes"),
    [
        ("mean", {}),  # with batch normalisation, whose statistics span the processes
        ("mean", {"accumulation": 2, "items": 51}),  # shares of unequal size
        ("sum", {"items": 51, "batch_size": 9}),
        ("sum", {"items": 51, "batch_size": 4, "accumulation": 3}),
        ("against", {"items": 51, "batch_size": 5}),  # the last batch has one item alone
        ("against", {"items": 51, "batch_size": 5, "accumulation": 2}),
    ],
)
def test_two_processes_take_the_steps_of_one(tmp_path, task, changes):
    """Tolerance: 1e-4 relative, 1e-6 absolute; sums are rounded in another order."""
    settings = config(**changes)
    alone = made(tmp_path / "one", settings)
    assert isinstance(Trainer(TASKS[task](settings), alone).train(), events.Finished)
    together = made(tmp_path / "two", settings)
    for process in start_two(together, task):
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said.decode()
    ours, theirs = curves(alone), curves(together)
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        assert theirs[name] == pytest.approx(values, rel=1e-4, abs=1e-6), name
    assert theirs["epoch validation/items"] == [20.0] * 4  # none counted twice, none dropped
    last = weights(together)
    for name, tensor in weights(alone).items():
        torch.testing.assert_close(last[name], tensor, rtol=1e-4, atol=1e-5, msg=name)
    started = [
        e for e in events.EventReader(together.events_file).read_new() if isinstance(e, events.Started)
    ]
    assert len(started) == 1  # one of them tells


def test_memory_that_runs_out_makes_the_batch_smaller_and_changes_no_step(tmp_path):
    class Plain(LineTask):
        def network(self):
            return torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))

    runs = []
    for fits in (0, 5):
        settings = config(fits=fits, batch_size=12)
        runs.append(made(tmp_path / f"fits{fits}", settings))
        assert isinstance(Trainer(Plain(settings), runs[-1]).train(), events.Finished)
    whole, parts = map(curves, runs)
    for name, values in whole.items():
        assert parts[name] == pytest.approx(values, rel=1e-4, abs=1e-6), name
    kept = validated(LineConfig, runs[1].config())
    assert (kept.batch_size, kept.accumulation) == (3, 4)
    warnings = Record.read(runs[1]).messages
    assert [item.values["batch"] for item in warnings] == [6, 3]


@pytest.mark.slow
@pytest.mark.parametrize("task", ["mean", "sum", "against"])
@pytest.mark.parametrize("parts", [2, 4])
def test_accumulation_takes_the_steps_of_one_batch(tmp_path, task, parts):
    """Without batch statistics; the last step of an epoch is cut short in each."""

    class Plain(TASKS[task]):
        def network(self):
            return torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))

    runs = []
    for times in (1, parts):
        settings = config(items=51, batch_size=12 // times, accumulation=times)
        runs.append(made(tmp_path / str(times), settings))
        assert isinstance(Trainer(Plain(settings), runs[-1]).train(), events.Finished)
    whole, accumulated = map(curves, runs)
    assert whole.keys() == accumulated.keys()
    for name, values in whole.items():
        assert accumulated[name] == pytest.approx(values, rel=1e-4, abs=1e-6), name
    last = weights(runs[1])
    for name, tensor in weights(runs[0]).items():
        torch.testing.assert_close(last[name], tensor, rtol=1e-4, atol=1e-5, msg=name)


def test_memory_that_runs_out_ends_the_run_where_that_is_wanted_or_nothing_smaller_is_left(tmp_path):
    for number, changes in enumerate(({"out_of_memory": "stop", "fits": 4}, {"fits": 1, "batch_size": 1})):
        settings = config(**changes)
        if number:

            class Never(LineTask):
                def loss(self, network, batch, clock):
                    raise torch.OutOfMemoryError("CUDA out of memory")

            task = Never(settings)
        else:
            task = LineTask(settings)
        end = Trainer(task, made(tmp_path / str(number), settings)).train()
        assert isinstance(end, events.Failed)
        assert end.cause == "memory"


def test_it_is_said_where_accumulation_is_not_the_same(tmp_path):
    for name, task, accumulation, said in (
        ("norm", LineTask, 2, True),
        ("alone", LineTask, 1, False),
        ("against", TASKS["against"], 2, False),
    ):
        settings = config(accumulation=accumulation, epochs=1)
        run = made(tmp_path / name, settings)
        Trainer(task(settings), run).train()
        told = [message.text for message in Record.read(run).messages]
        assert any("Accumulation is not the same" in text for text in told) is said, name


def killed_at_random(run, kills, seed):
    """Kill the run so many times, resume it each time; each time there is a checkpoint that loads, or none yet."""
    chance = random.Random(seed)
    done_before = 0
    for _ in range(kills):
        process = subprocess.Popen(
            [sys.executable, str(RUNNER), str(run.path)], env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        reader, seen, wanted = events.EventReader(run.events_file), 0, chance.randint(1, 12)
        reader.read_new()  # what was told before
        while seen < wanted and process.poll() is None:
            seen += len(reader.read_new())
        process.send_signal(signal.SIGKILL)
        if process.wait() == 0:
            break
        story = RunStory(run)
        story.read()
        assert story.state is RunState.DIED
        done = story.last_epoch.epoch if story.last_epoch is not None else 0
        checkpoint.recover(run.last)
        kept = 0
        if run.last.exists():
            weights(run)
            kept = torch.load(run.last / "training.pt", weights_only=True)["epoch"]
        assert kept >= done  # never more is lost than the epoch under way
        assert done >= done_before
        done_before = done


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_killed_at_random_moments_it_resumes_as_if_unbroken(tmp_path):
    settings = config(epochs=5, slow_s=0.01, dropout=0.1)
    whole, broken = made(tmp_path / "whole", settings), made(tmp_path / "broken", settings)
    Trainer(LineTask(settings), whole).train()
    killed_at_random(broken, kills=3, seed=5)
    assert isinstance(Trainer(LineTask(settings), broken).train(), events.Finished)
    last = weights(broken)
    for name, tensor in weights(whole).items():
        torch.testing.assert_close(last[name], tensor, rtol=0, atol=0, msg=name)
    by_epoch = Record.read(broken).epochs["validation/error"]
    assert by_epoch.y.tolist() == Record.read(whole).epochs["validation/error"].y.tolist()
