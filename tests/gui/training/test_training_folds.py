"""A cross-validation from the form to its last fold, trained by the real program; and how its folds are shown."""

import pytest
from PySide6.QtCore import Qt

from app.training import words
from app.training.launcher import Launcher
from app.training.runs import Proposal
from models.emotion.config import EmotionConfig
from models.resources import runs_folder
from models.training import cross_validation as cross
from models.training.config import override
from models.training.cross_validation import Folding
from models.training.run_folder import RunState
from tests.gui.training.helpers import config, read_all

SMALL = [
    "network.hidden=8",
    "network.heads=2",
    "network.stack=4",
    "network.layers=1",
    "batch_size=16",
    "data.path=sample",
    "data.folds=2",
    "epochs=1",
]


def told(name, *values):
    """A cross-validation with what its folds came to."""
    with cross.cross_validation(
        runs_folder() / name, "emotion", EmotionConfig(), Folding("speaker")
    ) as reporter:
        reporter.begin(len(values))
        for number, value in enumerate(values):
            reporter.judged(f"s{number + 1}", {"uar": value})


@pytest.mark.slow
def test_a_cross_validation_is_launched_and_followed(dock, view, runs, services, qtbot):
    values = override(EmotionConfig().model_dump(mode="json"), SMALL)
    launcher = Launcher(services, "emotion", proposal=Proposal("cv", values, "k"))
    qtbot.addWidget(launcher)
    launcher.show()
    assert launcher.by.currentData() == "k"
    assert launcher.start.text() == "Start cross-validation"
    launcher.device.setCurrentIndex(launcher.device.findData("cpu"))
    with qtbot.waitSignal(runs.started, timeout=60_000):
        qtbot.mouseClick(launcher.start, Qt.MouseButton.LeftButton)
    whole = runs.find(runs_folder() / "cv")
    dock.choose(whole.path)
    qtbot.waitUntil(lambda: whole.state is RunState.DONE, timeout=120_000)
    qtbot.waitUntil(lambda: len(whole.judged_folds) == 2, timeout=10_000)
    runs.rescan()
    assert [words.title_of(run) for run in runs.runs] == ["cv", "└ group1", "└ group2"]
    assert {run.group for run in runs.runs[1:]} == {"cv"}
    assert "2 of 2 folds judged" in dock.details.state.text()
    mean, worst = sum(whole.judged_folds) / 2, min(whole.judged_folds)
    assert f"{mean:.3f} ±" in dock.details.best.text()
    assert f"worst {worst:.3f}" in dock.details.best.text()
    assert not dock.details.use.isVisible()
    assert view.views.currentWidget() is view.folds
    assert "group1" in view.folds.bars.accessibleDescription()
    dock.choose(runs.runs[1].path)
    qtbot.waitUntil(lambda: view.views.currentWidget() is view.curves_page, timeout=5000)
    assert "mean over 2 folds" in runs.runs[1].log_tail()  # a fold has no output of its own
    qtbot.waitUntil(lambda: not runs._children, timeout=10_000)


def test_a_fold_is_not_counted_beside_its_whole(runs, qtbot):
    told("cv", 0.4, 0.8)
    cross.RunFolder.create(runs_folder() / "cv" / "fold-s1", "emotion", config())
    read_all(runs, qtbot)
    whole, fold = runs.runs
    assert fold.whole == whole.path
    assert whole.best_value == pytest.approx(0.6)
    for run in (whole, fold):
        run._state, run._judged = RunState.RUNNING, 1e18
    assert runs.living() == [whole]
    whole._state = RunState.DONE
    assert runs.living() == [fold]


def test_it_is_set_up_again_as_what_it_was(runs, qtbot):
    told("cv", 0.4, 0.8)
    read_all(runs, qtbot)
    runs.launch("emotion", like=runs.runs[0])
    assert (runs.proposal.name, runs.proposal.by) == ("cv-2", "speaker")


def test_a_system_without_cross_validation_offers_none(services, qtbot):
    made = Launcher(services, "search")
    qtbot.addWidget(made)
    made.show()
    assert not made.by.isVisible()
    qtbot.waitUntil(lambda: not services.worker("machine").busy)
