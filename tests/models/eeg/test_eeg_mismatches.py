"""Training to tell what was heard from other speech: what is drawn, what the loss comes to, and that it is learned."""

import json
import math

import numpy as np
import pytest
import torch

from models.cli import main
from models.eeg import losses
from models.eeg.config import EEGConfig
from models.eeg.mismatches import Mismatches
from models.eeg.splits import Stretch
from models.eeg.task import EEGTask
from models.errors import UserError
from models.progress import Progress
from models.training.config import preset, validated
from models.training.record import Record
from models.training.run_folder import RunFolder
from models.training.task import Clock, Draw
from tests.models.eeg.helpers import TINY

LENGTH = 20


def stretch(subject="1", stimulus="a", start=0, time=100):
    """Its envelope tells where each sample lies in the stimulus."""
    envelope = np.arange(start, start + time, dtype=np.float32) + 1000 * ord(stimulus)
    return Stretch(subject, stimulus, np.zeros((time, 2), np.float32), envelope, start)


def drawn(part, training, own, start, wanted=4, draws=50):
    """Windows [draws × wanted, length] for the window at `start` of `own`."""
    random = np.random.default_rng(0)
    mismatches = Mismatches(part, training, LENGTH, wanted)
    result = [mismatches.draw(own, start, random) for _ in range(draws)]
    assert result[0].shape == (wanted, LENGTH)
    assert result[0].dtype == np.float32
    return np.concatenate(result)


@pytest.mark.parametrize("start", [0, 13, 40, 80])
def test_no_window_that_is_drawn_overlaps_its_own_of_whatever_trial(start):
    first, again = stretch(time=200), stretch(start=30, time=150)  # the same speech, heard again
    windows = drawn((first, again), (first, again), again, start)
    own = again.envelope[start : start + LENGTH]
    assert np.abs(windows[:, 0] - own[0]).min() >= LENGTH
    assert (np.diff(windows, axis=1) == 1).all()  # whole windows of one stretch
    assert len(np.unique(windows[:, 0])) > 60
    assert windows.min() >= first.envelope[0]
    assert windows.max() <= first.envelope[-1]


def test_the_same_person_comes_first_then_training_then_anybody():
    mine, theirs = stretch("1", "a", time=200), stretch("2", "b", time=200)
    learned = stretch("1", "c", time=200)
    at = stretch("1", "a", time=200)
    assert set(drawn((mine, theirs), (learned,), mine, 0)[:, 0] // 1000) == {ord("a")}
    short = stretch("1", "a", time=45)  # no room for four side by side
    assert set(drawn((short, theirs), (learned,), short, 0)[:, 0] // 1000) == {ord("a"), ord("c")}
    alone = stretch("3", "d", time=LENGTH)
    assert set(drawn((alone, theirs), (), alone, 0)[:, 0] // 1000) == {ord("b")}
    assert at.subject == "1"


def test_windows_that_leave_no_room_are_refused_before_training():
    Mismatches((stretch(time=3 * LENGTH - 1),), (), LENGTH, 4).check()
    Mismatches((stretch(time=LENGTH), stretch(stimulus="b")), (), LENGTH, 4).check()
    with pytest.raises(UserError, match="told apart"):
        Mismatches((stretch(time=2 * LENGTH - 1),), (), LENGTH, 4).check()
    values = preset("eeg", "match-mismatch") | {"data": {"path": "sample", "window_s": 25.0}}
    with pytest.raises(UserError, match="told apart"):
        EEGTask(validated(EEGConfig, values)).prepare(Progress())


def waves():
    """[5, time]: without any correlation."""
    time = np.arange(320) / 64
    return torch.from_numpy(np.stack([np.sin(2 * np.pi * hz * time) for hz in (1, 2, 3, 4, 5)])).float()


def test_the_loss_of_what_is_decoded_rightly_wrongly_and_not_at_all():
    true, *others = waves()
    heard, wrong = true[None], torch.stack(others)[None]
    right, matched = losses.match_mismatch(3 * heard + 7, heard, wrong, 0.1)  # level and size do not count
    assert right.item() == pytest.approx(math.log1p(4 * math.exp(-10)), rel=1e-3)
    assert matched.item() == 1
    missed, matched = losses.match_mismatch(wrong[:, 2], heard, wrong, 0.1)
    assert missed.item() == pytest.approx(10 + math.log1p(4 * math.exp(-10)), rel=1e-3)
    assert matched.item() == 0
    flat = torch.zeros(1, 320, requires_grad=True)
    guessed, matched = losses.match_mismatch(flat, heard, wrong, 0.1)
    assert guessed.item() == pytest.approx(math.log(5), rel=1e-5)
    assert matched.item() == 0  # to know nothing is not to be right
    guessed.sum().backward()
    assert 0 < flat.grad.norm() < 50
    turned, _ = losses.match_mismatch(wrong[:, 2], heard, wrong.flip(1), 0.1)
    torch.testing.assert_close(turned, missed)


@pytest.mark.slow
def test_candidates_come_from_the_draw_alone_and_those_that_judge_are_steady():
    values = preset("eeg", "match-mismatch") | {"data": {"path": "sample", "window_s": 5.0}}
    task = EEGTask(validated(EEGConfig, values))
    task.prepare(Progress())
    draws = [Draw(item, item + 7) for item in range(12)]
    whole, parts = task.batch("train", draws), [task.batch("train", [draw]) for draw in draws]
    assert whole.others.shape == (12, 4, 320)
    torch.testing.assert_close(whole.others, torch.cat([part.others for part in parts]), rtol=0, atol=0)
    assert not torch.equal(whole.others[0], task.batch("train", [Draw(0, 99)]).others[0])
    judged = task.batch("validation", [Draw(2, 0), Draw(3, 0)])
    torch.testing.assert_close(judged.others[1:], task.batch("validation", [Draw(3, 0)]).others)
    assert not torch.equal(judged.others[0], judged.others[1])
    plain = EEGTask(validated(EEGConfig, values | {"loss": {"kind": "pearson"}}))
    plain.prepare(Progress())
    assert plain.batch("train", draws).others.shape == (12, 0, 320)
    torch.testing.assert_close(plain.batch("train", draws).eeg, whole.eeg, rtol=0, atol=0)


@pytest.mark.slow
def test_it_is_learned_and_told(tmp_path, capsys):
    """EEG in which every channel is the envelope in noise: after some steps the right one of five is found."""
    random = np.random.default_rng(0)
    kernel = np.hanning(24) / np.hanning(24).sum()
    envelope = np.stack([np.convolve(random.normal(size=64 * 60), kernel, "same") for _ in range(6)])
    noise = random.normal(0, 0.2, (6, 64 * 60, 64))
    eeg = 20 * (np.roll(envelope, 8, axis=1)[:, :, None] * random.normal(size=64) + noise)
    path = tmp_path / "made.npz"
    np.savez(
        path,
        eeg=eeg.astype(np.float32),
        envelope=(envelope - envelope.min()).astype(np.float32),
        fs=64,
        subject=["1", "2"] * 3,
    )
    settings = [
        *TINY,
        f"data.path={path}",
        "data.window_s=3",
        "loss.kind=match-mismatch",
        "epochs=6",
        "learning_rate=0.005",
    ]
    code = main(["train", "eeg", "--run", str(tmp_path / "run"), "--device", "cpu", "--set", *settings])
    assert code == 0
    record = Record.read(RunFolder(tmp_path / "run"))
    told = record.epochs["validation/accuracy"].y
    assert told[-1] > 0.8
    assert record.epochs["validation/loss"].y[-1] < 0.7 * math.log(5)
    assert record.epochs["train/accuracy"].y[-1] > told[0]
    kept = json.loads((tmp_path / "run" / "best" / "checkpoint.json").read_text("utf-8"))
    assert kept["metrics"]["validation/accuracy"] > 0.8
    capsys.readouterr()


def test_a_step_has_the_accuracy_of_its_windows():
    values = preset("eeg", "match-mismatch") | {"data": {"path": "sample", "window_s": 5.0}}
    task = EEGTask(validated(EEGConfig, values))
    task.prepare(Progress())
    batch = task.batch("train", [Draw(item, item) for item in range(6)])
    said = batch.envelope.clone()
    said[:2] = batch.others[:2, 1]  # four of six as they were heard
    loss = task.loss(lambda eeg, subject: said, batch, Clock(0, 1, 0.0, 1))
    assert loss.metrics["accuracy"].item() == pytest.approx(4 / 6)
    assert loss.count == 6
