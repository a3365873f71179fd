"""A cross-validation as a run: what it tells, how it is stopped and resumed, what is refused."""

import json

import numpy as np
import pytest

from models import locks
from models.cli import main
from models.emotion.config import EmotionConfig
from models.errors import UserError
from models.progress import Cancelled
from models.training import cross_validation as cross
from models.training import events
from models.training.cross_validation import Folding
from models.training.record import Record
from models.training.run_folder import RunFolder, RunState, RunStory
from models.training.runs import list_runs

CONFIG = EmotionConfig(epochs=1).model_dump(mode="json")
SMALL = ["network.hidden=8", "network.heads=2", "network.stack=4", "network.layers=1", "batch_size=16"]
ASKED = ["emotion", "--set", *SMALL, "data.path=sample", "data.folds=2", "epochs=1", "--by", "k"]


def story(run):
    told = RunStory(run)
    told.read()
    return told


def crossval(folder, capsys, *verb):
    code = main(
        [*(verb or ("crossval", *ASKED, "--run", str(folder))), "--device", "cpu", "--quiet", "--json"]
    )
    return code, json.loads(capsys.readouterr().out.strip().splitlines()[-1] or "{}")


@pytest.mark.slow
def test_its_folds_are_told_and_what_was_stopped_goes_on(tmp_path, capsys, monkeypatch):
    folder = tmp_path / "runs" / "cv"
    judged = cross.FoldReporter.judged

    def stop_after_it(reporter, *arguments):
        RunFolder(folder).request_stop()
        judged(reporter, *arguments)

    with monkeypatch.context() as asked:
        asked.setattr(cross.FoldReporter, "judged", stop_after_it)
        assert main(["crossval", *ASKED, "--run", str(folder), "--device", "cpu", "--quiet"]) == 130
    capsys.readouterr()
    run = RunFolder(folder)
    assert story(run).state is RunState.STOPPED
    assert [item.name for item in list_runs(tmp_path / "runs")] == ["cv", "fold-group1"]
    trained = (folder / "fold-group1" / "best" / "weights.safetensors").stat().st_mtime_ns
    code, result = crossval(folder, capsys, "resume", str(folder))
    assert code == 0
    assert (folder / "fold-group1" / "best" / "weights.safetensors").stat().st_mtime_ns == trained
    told, record = story(run), Record.read(run)
    assert told.state is RunState.DONE
    assert record.folds == {1: "group1", 2: "group2"}
    assert list(record.epochs["test/uar"].y) == list(result["folds"].values())
    assert told.finished.best_value == pytest.approx(np.mean(list(result["folds"].values())))
    assert not run.stop_file.exists()
    assert [item.name for item in list_runs(tmp_path / "runs")] == ["cv", "fold-group1", "fold-group2"]


def test_a_fold_stops_when_the_whole_is_asked_to(tmp_path):
    whole = cross.create(tmp_path / "cv", "emotion", CONFIG, Folding("speaker"))
    fold = RunFolder.create(whole.path / "fold-03", "emotion", CONFIG)
    assert cross.whole_of(fold) == whole
    assert cross.whole_of(whole) is None
    assert set(cross.stop_files(fold)) == {fold.stop_file, whole.stop_file}
    assert cross.stop_files(whole) == (whole.stop_file,)
    by_itself = RunFolder.create(tmp_path / "fold-of-cloth", "emotion", CONFIG)
    assert cross.whole_of(by_itself) is None


def test_one_process_at_a_time_has_it(tmp_path):
    config = EmotionConfig(epochs=1)
    with cross.cross_validation(tmp_path / "cv", "emotion", config, Folding("speaker")) as reporter:
        reporter.begin(3)
        assert locks.holder(tmp_path / "cv" / ".lock") is not None
        with (
            pytest.raises(UserError, match="being trained already"),
            cross.cross_validation(tmp_path / "cv", "emotion", config, Folding("speaker")),
        ):
            pass
        reporter.judged("03", {"uar": 0.5})
    assert story(RunFolder(tmp_path / "cv")).state is RunState.DONE


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (UserError("The data is not there.", "", "Look for it."), RunState.FAILED),
        (RuntimeError("of ours"), RunState.FAILED),
        (Cancelled(), RunState.STOPPED),
    ],
)
def test_how_it_ended_is_told_and_raised(tmp_path, error, state):
    with (
        pytest.raises(type(error)),
        cross.cross_validation(tmp_path, "emotion", EmotionConfig(), Folding("k")),
    ):
        raise error
    told = story(RunFolder(tmp_path))
    assert told.state is state
    if state is RunState.FAILED:
        assert bool(told.failed.details) == isinstance(error, RuntimeError)
    assert locks.holder(tmp_path / ".lock") is None


def test_another_recipe_takes_an_empty_folder_and_no_other(tmp_path):
    cross.create(tmp_path, "emotion", CONFIG, Folding("speaker"))
    other = CONFIG | {"epochs": 2}
    assert cross.create(tmp_path, "emotion", other, Folding("session")).config()["epochs"] == 2
    assert cross.folding_of(RunFolder(tmp_path)) == Folding("session")
    RunFolder.create(tmp_path / "fold-03", "emotion", other)
    with pytest.raises(UserError, match="epochs"):
        cross.create(tmp_path, "emotion", CONFIG, Folding("session"))


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"by": 3}', '{"by": "k", "jobs": -1}', "[" * 100_000, "\x00" * 99]
)
def test_what_stands_in_a_folder_is_not_believed(tmp_path, text):
    run = cross.create(tmp_path, "emotion", CONFIG, Folding("speaker", "cuda:0", 4))
    (tmp_path / "folds.json").write_text(text)
    folding = cross.folding_of(run)
    assert folding in (None, Folding("k"))


def test_a_fold_is_diagnosed_and_not_the_whole(tmp_path, capsys):
    whole = cross.create(tmp_path / "cv", "emotion", CONFIG, Folding("k"))
    RunFolder.create(whole.path / "fold-1", "emotion", CONFIG)
    assert main(["diagnose", str(whole.path)]) == 2
    assert "is a cross-validation" in (said := capsys.readouterr().err)
    assert "fold-1" in said
    assert main(["diagnose", str(whole.path / "fold-1")]) == 0


def test_folds_are_in_the_order_of_their_numbers(tmp_path):
    whole = cross.create(tmp_path, "emotion", CONFIG, Folding("k"))
    for name in ("fold-10", "fold-9", "fold-Ses01F", "fold-1"):
        RunFolder.create(tmp_path / name, "emotion", CONFIG)
    (tmp_path / "fold-2").mkdir()  # was not begun
    assert [fold.name for fold in cross.folds_in(whole)] == ["fold-1", "fold-9", "fold-10", "fold-Ses01F"]


def test_a_run_that_reads_its_data_for_long_is_not_called_dead(tmp_path, monkeypatch):
    run = RunFolder.create(tmp_path / "run", "emotion", CONFIG)
    monkeypatch.setattr("models.training.run_folder.STARTING_S", -1.0)
    assert story(run).state is RunState.DIED
    lock = run.lock()
    assert story(run).state is RunState.WAITING
    lock.release()
    assert story(run).state is RunState.DIED


def test_the_story_is_that_of_a_run(tmp_path):
    with cross.cross_validation(tmp_path, "emotion", EmotionConfig(), Folding("k")) as reporter:
        reporter.begin(2)
        reporter.judged("a", {"uar": 0.25})
        reporter.judged("b", {"uar": 0.75})
    kinds = [type(event) for event in events.EventReader(tmp_path / "events.jsonl").read_new()]
    assert kinds == [events.Started, events.Epoch, events.Epoch, events.Finished]
