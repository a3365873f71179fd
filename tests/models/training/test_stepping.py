"""Steps that are told together, as on a graphics card, tell and leave the same as those that are told one by one."""

import pytest
import torch
from line_task import LineConfig, LineTask

from models import checkpoint
from models.progress import Progress
from models.training import events, stepping
from models.training.run_folder import RunFolder
from models.training.trainer import Trainer


@pytest.fixture
def ahead(monkeypatch):
    """ahead(True): the processor is taken to run ahead of Python, and no time to pass."""

    def choose(wanted):
        usual = stepping.Stepper.__init__

        def made(self, *arguments):
            usual(self, *arguments)
            self.ahead = wanted

        monkeypatch.setattr(stepping.Stepper, "__init__", made)

    monkeypatch.setattr(stepping, "TOLD_EVERY_S", 3600.0)
    return choose


def config(**changes):
    usual = {"epochs": 3, "batch_size": 8, "learning_rate": 0.01, "early_stop": 0, "average_weights": 0.9}
    return LineConfig(**{**usual, **changes})


def run_of(folder, settings):
    return RunFolder.create(folder, "line", settings.model_dump(mode="json"))


def told(run):
    """Everything told but for times, memory and places in the file; scalars by their steps."""
    result = events.EventReader(run.events_file).read_new()
    scalars = {
        event.step: (event.epoch, {n: v for n, v in event.values.items() if "memory" not in n})
        for event in result
        if isinstance(event, events.Scalars)
    }
    return scalars, [event.values for event in result if isinstance(event, events.Epoch)]


def assert_same(first, second):
    assert told(first) == told(second)
    ours, theirs = (checkpoint.load(run.last, "line")[0] for run in (first, second))
    for name, tensor in ours.items():
        torch.testing.assert_close(theirs[name], tensor, rtol=0, atol=0, msg=name)


@pytest.mark.parametrize("every", [0, 3])
def test_told_together_is_told_the_same(tmp_path, ahead, every):
    settings = config(diagnose_every=every)
    runs = []
    for wanted in (False, True):
        ahead(wanted)
        runs.append(run_of(tmp_path / str(wanted), settings))
        assert Trainer(LineTask(settings), runs[-1]).train().reason == "completed"
    assert_same(*runs)


@pytest.mark.slow
def test_stopped_between_two_tellings_and_resumed(tmp_path, ahead):
    settings = config(diagnose_every=0)
    whole, broken = run_of(tmp_path / "whole", settings), run_of(tmp_path / "broken", settings)
    Trainer(LineTask(settings), whole).train()
    ahead(True)
    for at in (3, 12):
        progress = Progress(lambda step, at=at: broken.request_stop() if step.done == at else None)
        assert Trainer(LineTask(settings), broken, progress=progress).train().reason == "stopped"
    assert Trainer(LineTask(settings), broken).train().reason == "completed"
    assert_same(whole, broken)


@pytest.mark.parametrize("bad", [0, 4, 6, 10])
def test_a_number_that_is_none_ends_the_run_at_its_own_step(tmp_path, ahead, bad):
    """Also where it is noticed steps later: they are taken once more, and what they left is as it was."""

    class Bad(LineTask):
        def loss(self, network, batch, clock):
            loss = super().loss(network, batch, clock)
            if clock.step == bad:
                loss.mean = loss.mean * float("nan")
            return loss

    settings = config(diagnose_every=0)
    runs = []
    for wanted in (False, True):
        ahead(wanted)
        runs.append(run_of(tmp_path / str(wanted), settings))
        end = Trainer(Bad(settings), runs[-1]).train()
        assert isinstance(end, events.Failed)
        assert f"at step {bad}" in end.what
    assert told(runs[0]) == told(runs[1])
    result = [
        [e for e in events.EventReader(run.events_file).read_new() if isinstance(e, events.Unstable)]
        for run in runs
    ]
    assert [(e.step, e.stage, e.layer) for e in result[0]] == [(e.step, e.stage, e.layer) for e in result[1]]
    kept = [torch.load(run.path / "broken" / "batch.pt", weights_only=True)["batch"][0] for run in runs]
    torch.testing.assert_close(*kept, rtol=0, atol=0)


def test_a_number_that_is_none_once_and_not_again_leaves_no_trace(tmp_path, ahead):
    """As rounding on a card may have it: the steps are taken once more and are good."""
    left = [1]

    class Once(LineTask):
        def loss(self, network, batch, clock):
            loss = super().loss(network, batch, clock)
            if clock.step == 9 and left:
                left.pop()
                loss.mean = loss.mean * float("inf")
            return loss

    settings = config(diagnose_every=0)
    whole, other = run_of(tmp_path / "whole", settings), run_of(tmp_path / "other", settings)
    Trainer(LineTask(settings), whole).train()
    ahead(True)
    assert Trainer(Once(settings), other).train().reason == "completed"
    assert_same(whole, other)


@pytest.mark.slow
def test_pace_is_told_about_once_a_second(tmp_path, monkeypatch):
    monkeypatch.setattr(stepping, "TOLD_EVERY_S", 0.05)
    settings = config(slow_s=0.02)
    run = run_of(tmp_path / "run", settings)
    Trainer(LineTask(settings), run).train()
    result = [e for e in events.EventReader(run.events_file).read_new() if isinstance(e, events.Pace)]
    assert 0 < len(result) < 21
    assert all(0 < event.steps_per_s < 60 for event in result)
    assert all(event.gpu_percent is None for event in result)
