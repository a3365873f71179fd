"""A fold of a cross-validation: what was stopped is no fold, and goes on where it was."""

import signal

import pytest
from line_task import LineConfig, LineTask

from models.progress import Cancelled
from models.training.folds import train_fold
from models.training.record import Record


class Interrupted(LineTask):
    """Somebody presses Ctrl+C during the third batch that is learned from."""

    batches = 0

    def batch(self, split, draws):
        if split == "train":
            self.batches += 1
            if self.batches == 3:
                signal.raise_signal(signal.SIGINT)
        return super().batch(split, draws)


def test_a_training_that_was_stopped_is_no_fold_and_goes_on_when_asked_again(tmp_path):
    config = LineConfig(epochs=3, batch_size=10, early_stop=0)
    with pytest.raises(Cancelled):
        train_fold(tmp_path / "fold", "line", config, Interrupted, "cpu")
    run = train_fold(tmp_path / "fold", "line", config, LineTask, "cpu")
    unbroken = train_fold(tmp_path / "unbroken", "line", config, LineTask, "cpu")
    ours, theirs = (Record.read(one).epochs["validation/error"].y.tolist() for one in (run, unbroken))
    assert len(ours) == 3
    assert ours == theirs
    assert (
        train_fold(tmp_path / "fold", "line", config, Interrupted, "cpu").path == run.path
    )  # done: not begun again
