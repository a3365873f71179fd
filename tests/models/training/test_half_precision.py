"""The path of half precision, run on a CPU by PyTorch's own scaler: a first scale that overflows every gradient."""

import pytest
import torch
from line_task import LineConfig, LineTask

from models import checkpoint
from models.progress import Progress
from models.training import events, trainer
from models.training.record import Record
from models.training.run_folder import RunFolder
from models.training.trainer import Trainer

TOO_LARGE = 2.0**127  # float32 ends at 2¹²⁸


@pytest.fixture
def scaled(monkeypatch):
    """The run's accelerator with a scaler, as it has one with fp16 on a graphics card; gives the scalers made."""
    usual, made = trainer.accelerator, []

    def with_scaler(device, precision):
        accelerator = usual(device, precision)
        scaler = torch.amp.GradScaler("cpu", init_scale=TOO_LARGE, backoff_factor=2.0**-50, growth_interval=4)
        accelerator.scaler, accelerator.native_amp = scaler, True
        accelerator.state._mixed_precision = "fp16"
        made.append(scaler)
        return accelerator

    monkeypatch.setattr(trainer, "accelerator", with_scaler)
    return made


def config(**changes):
    usual = {"epochs": 3, "batch_size": 8, "learning_rate": 0.01, "early_stop": 0, "diagnose_every": 1}
    return LineConfig(**{**usual, **changes})


def run_of(folder, settings):
    return RunFolder.create(folder, "line", settings.model_dump(mode="json"))


def told(run, kind):
    return [event for event in events.EventReader(run.events_file).read_new() if isinstance(event, kind)]


def test_a_step_whose_gradients_overflow_is_passed_over(tmp_path, scaled):
    settings = config(average_weights=0.9)
    run = run_of(tmp_path / "run", settings)
    seen = []

    class Noting(Progress):
        def update(self, done, total, message="", /, **values):
            if message == "Training":
                learner = training.loop.learner
                seen.append((learner.network[0].weight.detach().clone(), learner.average.updates))

    training = Trainer(LineTask(settings), run, progress=Noting())
    assert isinstance(training.train(), events.Finished)
    scalars = told(run, events.Scalars)
    skipped = [event.step for event in scalars if event.values.get("skipped")]
    assert skipped
    assert skipped[0] == 1, "the first scale overflows"
    torch.manual_seed(settings.seed)
    begun = LineTask(settings).network()[0].weight
    weights, updates = seen[skipped[-1] - 1]
    assert skipped == list(range(1, len(skipped) + 1))
    torch.testing.assert_close(weights, begun, rtol=0, atol=0)
    assert updates == 0, "nothing moved, so there is nothing to average"
    assert len(scalars) == 3 * 7, "every step is told"
    assert all("gradient_norm" not in event.values for event in scalars[: len(skipped)])
    assert all(event.values["gradient_norm"] > 0 for event in scalars[len(skipped) :])
    looks = told(run, events.Flow)
    assert looks
    assert looks[0].step == len(skipped), "no look at gradients that are none"
    assert Record.read(run).epochs["validation/error"].y[-1] < 1.5


@pytest.mark.slow
def test_the_scale_is_resumed(tmp_path, scaled):
    settings = config()
    whole = run_of(tmp_path / "whole", settings)
    Trainer(LineTask(settings), whole).train()
    broken = run_of(tmp_path / "broken", settings)
    for at in (4, 9):
        progress = Progress(lambda step, at=at: broken.request_stop() if step.done == at else None)
        assert Trainer(LineTask(settings), broken, progress=progress).train().reason == "stopped"
    assert Trainer(LineTask(settings), broken).train().reason == "completed"
    assert scaled[0].state_dict() == scaled[-1].state_dict()
    ours, theirs = (checkpoint.load(run.last, "line")[0] for run in (whole, broken))
    for name, tensor in ours.items():
        torch.testing.assert_close(theirs[name], tensor, rtol=0, atol=0, msg=name)


@pytest.mark.slow
def test_what_overflows_for_ever_ends_the_run_in_words(tmp_path, scaled):
    class Endless(torch.autograd.Function):
        @staticmethod
        def forward(context, value):
            return value.clone()

        @staticmethod
        def backward(context, gradient):
            return gradient * float("nan")

    class Broken(LineTask):
        def loss(self, network, batch, clock):
            loss = super().loss(network, batch, clock)
            loss.mean = Endless.apply(loss.mean)
            return loss

    settings = config(epochs=10)
    run = run_of(tmp_path / "run", settings)
    end = Trainer(Broken(settings), run).train()
    assert isinstance(end, events.Failed)
    assert end.cause == "unstable"
    assert told(run, events.Unstable)[0].stage == "gradient"
