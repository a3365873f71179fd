"""The one loop: repeatable, stoppable, killable, resumable; errors become events."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from line_task import GrowingTask, LineConfig, LineTask

from models import checkpoint, fingerprint
from models.errors import UserError
from models.fingerprint import Used
from models.progress import Progress
from models.training import events
from models.training.run_folder import RunFolder, RunState, RunStory
from models.training.trainer import Trainer

RUNNER = Path(__file__).with_name("run_line.py")


def config(**changes):
    return LineConfig(**{"epochs": 6, "batch_size": 8, "learning_rate": 0.01, "early_stop": 0, **changes})


def train(folder, settings=None, progress=None, task=LineTask):
    settings = settings or config()
    run = RunFolder(folder)
    if not run.config_file.exists():
        run = RunFolder.create(folder, "line", settings.model_dump(mode="json"))
    return run, Trainer(task(settings), run, progress=progress).train()


def told(run, kind):
    return [event for event in events.EventReader(run.events_file).read_new() if isinstance(event, kind)]


def final_weights(run):
    return checkpoint.load(run.last, "line")[0]


def assert_same_weights(a, b):
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=0, atol=0, msg=name)


@pytest.mark.slow
def test_training_learns(tmp_path):
    run, end = train(tmp_path / "run", config(epochs=20))
    epochs = told(run, events.Epoch)
    assert end.reason == "completed"
    assert epochs[-1].values["validation/error"] < 0.5 * epochs[0].values["validation/error"]
    assert epochs[-1].values["validation/items"] == 20  # the last, partial batch counts too


@pytest.mark.slow
def test_best_checkpoint_is_the_best_epoch(tmp_path):
    run, end = train(tmp_path / "run", config(epochs=12, learning_rate=0.1))
    errors = [event.values["validation/error"] for event in told(run, events.Epoch)]
    assert end.best_epoch == 1 + errors.index(min(errors))
    assert checkpoint.read_info(run.best).metrics["validation/error"] == min(errors)


@pytest.mark.slow
def test_same_seed_same_curve_and_another_seed_another(tmp_path):
    curves = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run, _ = train(tmp_path / name, config(seed=seed))
        curves.append([event.values for event in told(run, events.Epoch)])
    assert curves[0] == curves[1]
    assert curves[0] != curves[2]


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"accumulation": 3}, {"average_weights": 0.9}])
def test_stopped_anywhere_and_resumed_equals_unbroken(tmp_path, changes):
    whole, _ = train(tmp_path / "whole", config(**changes))

    class StopAt(Progress):
        def update(self, done, total, message="", /, **values):
            if done == self.at:
                broken.request_stop()

    broken = RunFolder(tmp_path / "broken")
    for at in (3, 5, 11):  # in the first epoch, in the same again, later
        progress = StopAt()
        progress.at = at
        _, end = train(broken.path, config(**changes), progress)
        assert end.reason == "stopped"
    _, end = train(broken.path, config(**changes))
    assert end.reason == "completed"
    assert_same_weights(final_weights(whole), final_weights(broken))
    by_epoch = {event.epoch: event.values for event in told(broken, events.Epoch)}
    assert by_epoch == {event.epoch: event.values for event in told(whole, events.Epoch)}


@pytest.mark.slow
def test_killed_and_resumed_equals_unbroken(tmp_path):
    settings = config(slow_s=0.03)
    whole, _ = train(tmp_path / "whole", settings)
    killed = RunFolder.create(tmp_path / "killed", "line", settings.model_dump(mode="json"))
    process = subprocess.Popen([sys.executable, str(RUNNER), str(killed.path)])
    reader, epochs = events.EventReader(killed.events_file), 0
    while epochs < 2:
        epochs += sum(isinstance(event, events.Epoch) for event in reader.read_new())
        assert process.poll() is None or epochs >= 2
    process.send_signal(signal.SIGKILL)
    process.wait()
    story = RunStory(killed)
    story.read()
    assert story.state is RunState.DIED
    _, end = train(killed.path, settings)
    assert end.reason == "completed"
    assert_same_weights(final_weights(whole), final_weights(killed))


@pytest.mark.slow
def test_polite_kill_saves_first(tmp_path):
    settings = config(epochs=500, slow_s=0.02)
    run = RunFolder.create(tmp_path / "run", "line", settings.model_dump(mode="json"))
    process = subprocess.Popen([sys.executable, str(RUNNER), str(run.path)])
    reader = events.EventReader(run.events_file)
    while not any(isinstance(event, events.Scalars) for event in reader.read_new()):
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    end = told(run, events.Finished)[-1]
    assert end.reason == "stopped"
    assert (run.last / "training.pt").is_file()
    assert told(run, events.Saved)[-1].step == end.step


@pytest.mark.slow
@pytest.mark.parametrize("task", [LineTask, GrowingTask])
def test_loading_processes_give_the_same_run(tmp_path, task):
    plain, _ = train(tmp_path / "plain", config(epochs=2), task=task)
    loaded, _ = train(tmp_path / "loaded", config(epochs=2, workers=1), task=task)
    assert_same_weights(final_weights(plain), final_weights(loaded))


def test_accumulation_equals_the_larger_batch_without_batch_statistics(tmp_path):
    class Plain(LineTask):
        def network(self):
            return torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))

    larger, _ = train(tmp_path / "one", config(batch_size=16), task=Plain)
    accumulated, _ = train(tmp_path / "two", config(batch_size=8, accumulation=2), task=Plain)
    for a, b in zip(final_weights(larger).values(), final_weights(accumulated).values(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_early_stop(tmp_path):
    class Flat(LineTask):
        def metrics(self, split, outputs, clock):
            return {"error": 1.0}

    _run, end = train(tmp_path / "run", config(epochs=50, early_stop=3), task=Flat)
    assert (end.reason, end.epoch, end.best_epoch) == ("early stop", 4, 1)


def test_a_loss_that_is_no_number_ends_the_run_in_words(tmp_path):
    class Bad(LineTask):
        def loss(self, network, batch, clock):
            loss = super().loss(network, batch, clock)
            loss.mean = loss.mean * float("nan")
            return loss

    _run, end = train(tmp_path / "run", task=Bad)
    assert isinstance(end, events.Failed)
    assert "no longer a number at step 0" in end.what
    assert not end.details


def test_an_error_of_ours_is_told_with_its_traceback(tmp_path, capsys):
    class Broken(LineTask):
        def loss(self, network, batch, clock):
            raise ZeroDivisionError("division by zero")

    run, end = train(tmp_path / "run", task=Broken)
    assert "ZeroDivisionError" in end.why
    assert "line_task" in end.details or "test_trainer" in end.details
    story = RunStory(run)
    story.read()
    assert story.state is RunState.FAILED


def test_run_folder_that_cannot_be_written(tmp_path):
    place = tmp_path / "file"
    place.write_text("in the way")
    with pytest.raises(UserError, match="cannot be written"):
        RunFolder.create(place / "run", "line", {})


def test_a_second_run_never_writes_over_the_first(tmp_path):
    run, _ = train(tmp_path / "run", config(epochs=1))
    with pytest.raises(UserError, match="already holds a run"):
        RunFolder.create(run.path, "line", {})


@pytest.mark.slow
def test_full_disk_keeps_the_last_good_checkpoint(tmp_path):
    """A real full disk: the kernel's, by a limit on the size of files that the process may write."""
    if sys.platform == "win32":
        pytest.skip("needs POSIX limits")
    settings = config(epochs=3)
    run, _ = train(tmp_path / "run", config(epochs=1))
    before = final_weights(run)
    run.config_file.write_text(run.config_file.read_text().replace("epochs: 1", "epochs: 3"))
    code = f"import resource,signal,runpy,sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (2500, 2500)); sys.argv=['x', {str(run.path)!r}]; runpy.run_path({str(RUNNER)!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ})
    assert "cannot be written" in done.stderr + run.events_file.read_text() or "no room" in done.stderr
    assert_same_weights(before, final_weights(run))
    _, end = train(run.path, settings)
    assert end.reason == "completed"


def test_damaged_training_state_is_refused_in_words(tmp_path):
    run, _ = train(tmp_path / "run", config(epochs=1))
    (run.last / "training.pt").write_bytes(b"not a checkpoint")
    _, end = train(run.path, config(epochs=2))
    assert isinstance(end, events.Failed)
    assert "cannot be resumed" in end.what


@pytest.mark.slow
def test_fine_tuning_begins_with_what_fits(tmp_path):
    first, _ = train(tmp_path / "first", config(epochs=8))
    run, _ = train(tmp_path / "second", config(epochs=1, start_from=str(first.last), learning_rate=1e-6))
    error = told(run, events.Epoch)[0].values["validation/error"]
    assert error == pytest.approx(told(first, events.Epoch)[-1].values["validation/error"], rel=0.2)
    message = told(run, events.Message)[0]
    assert message.values["taken"] == message.values["all"] > 0

    class Wider(LineTask):
        def network(self):
            return torch.nn.ModuleDict({"other": torch.nn.Linear(3, 1)})

    _, end = train(tmp_path / "third", config(epochs=1, start_from=str(first.last)), task=Wider)
    assert isinstance(end, events.Failed)
    assert "Nothing of the checkpoint" in end.what


class ToldTask(LineTask):
    """Says what it learns from: items and a speaker of its own, by the number of items."""

    def contents(self):
        mark = f"{self.config.items:02x}"
        return {"train": Used([mark * 6], [f"speaker {mark}"]), "validation": Used(["ff" * 6])}


def test_a_model_has_met_what_the_models_it_began_with_have_met(tmp_path):
    start, place = "", tmp_path
    for items in (16, 32, 48):
        settings = config(epochs=1, items=items, start_from=start)
        place = train(tmp_path / str(items), settings, task=ToldTask)[0].path
        start = str(place)  # a run's folder is a model, too
    training = checkpoint.read_info(place / "last").training
    assert [leg["config"]["items"] for leg in fingerprint.legs(training)] == [16, 32, 48]
    assert [leg["step"] for leg in fingerprint.legs(training)] == [leg_of(items) for items in (16, 32, 48)]
    seen = fingerprint.Learned.of(training).seen(
        Used(["10" * 6, "20" * 6, "30" * 6, "40" * 6], ["speaker 10"])
    )
    assert seen.items.tolist() == [True, True, True, False]
    assert seen.groups == ("speaker 10",)
    resumed, _ = train(place, config(epochs=2, items=48, start_from=str(tmp_path / "32")), task=ToldTask)
    assert len(fingerprint.legs(checkpoint.read_info(resumed.last).training)) == 3


def test_what_a_model_has_met_is_unknown_where_one_that_it_began_with_does_not_say(tmp_path):
    first, _ = train(tmp_path / "first", config(epochs=1))
    info = checkpoint.read_info(first.last)
    for name in ("items", "groups"):
        info.training.pop(name)
    (first.last / checkpoint.DESCRIPTION).write_text(info.model_dump_json(), "utf-8")
    second, _ = train(tmp_path / "second", config(epochs=1, start_from=str(first.last)), task=ToldTask)
    assert fingerprint.Learned.of(checkpoint.read_info(second.last).training) is None


def leg_of(items):
    """Steps of an epoch."""
    return -(-items // config().batch_size)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="compiling needs a C++ compiler")
def test_a_compiled_run_is_the_same_but_for_rounding(tmp_path):
    plain, _ = train(tmp_path / "plain", config(epochs=1, dropout=0.0))
    compiled, end = train(tmp_path / "compiled", config(epochs=1, dropout=0.0, compile=True))
    assert isinstance(end, events.Finished), end
    ours, theirs = final_weights(plain), final_weights(compiled)
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        torch.testing.assert_close(theirs[name], tensor, rtol=1e-3, atol=1e-4, msg=name)
