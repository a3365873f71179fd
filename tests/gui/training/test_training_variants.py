"""Setting runs up: variants, contradictions, the check of the data."""

import pytest
from PySide6.QtCore import Qt

from app.training.launcher import Launcher
from tests.gui.training.helpers import config, read_all, write_run


@pytest.fixture
def launcher(services, qtbot, monkeypatch):
    monkeypatch.setattr("models.devices.available", list)
    made = Launcher(services, "emotion")
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: not services.worker("machine").busy)
    yield made
    made.data_check.stop()


def test_variants_become_runs_in_groups(launcher, services, qtbot, monkeypatch):
    queued = []
    monkeypatch.setattr(services.training, "enqueue", lambda *a, **about: queued.append((a, about)))
    launcher.name.setText("abl")
    launcher._checks_data = False
    launcher.variants.add_row("network.attention", "true, false")
    launcher.variants.add_row("seed", "1, 2")
    assert launcher.start.text() == "Start 5 runs"  # each alone, and the plain one
    launcher.variants.mode.setCurrentIndex(1)
    assert launcher.start.text() == "Start 4 runs"
    qtbot.mouseClick(launcher.start, Qt.MouseButton.LeftButton)
    names = [call[0].name for call, _ in queued]
    assert names == [
        "abl-attention-true-seed1",
        "abl-attention-true-seed2",
        "abl-attention-false-seed1",
        "abl-attention-false-seed2",
    ]
    assert [call[2]["network"]["attention"] for call, _ in queued] == [True, True, False, False]
    assert [about["group"] for _, about in queued][::2] == [
        "abl · network.attention=true",
        "abl · network.attention=false",
    ]


def test_a_variant_that_cannot_be_used_is_told_before_the_start(launcher):
    launcher.variants.add_row("network.layers", "1, 99")
    assert not launcher.start.isEnabled()
    assert "network.layers=99: At most 4." in launcher.variants.problem.text()
    launcher.variants._rows[0].values.setText("1, 2")
    launcher.variants._tell()
    assert launcher.start.isEnabled()


def test_contradicting_fields_are_told_at_both(launcher):
    form = launcher.form
    form.rows["data", "validation_speakers"].editor.line.setText("03")
    form.rows["data", "test_speakers"].editor.line.setText("03")
    for name in ("validation_speakers", "test_speakers"):
        assert "a speaker is on one side only" in form.rows["data", name].problem.text()
    assert not launcher.start.isEnabled()
    form.rows["data", "test_speakers"].editor.line.setText("08")
    assert launcher.start.isEnabled()


@pytest.mark.slow
def test_the_data_is_checked_before_the_start(launcher, services, qtbot, monkeypatch):
    started = []
    monkeypatch.setattr(services.training, "start", lambda *arguments: started.append(arguments))
    launcher.form.rows["data", "path"].editor.line.setText("/no/such/place")
    qtbot.mouseClick(launcher.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not launcher.data_check.running, timeout=60_000)
    assert launcher.messages.messages
    assert not started
    launcher.form.rows["data", "path"].editor.line.setText("sample")
    qtbot.mouseClick(launcher.check, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not launcher.data_check.running, timeout=60_000)
    assert "48 utterances, 6 speakers" in launcher.data_words.text()
    qtbot.mouseClick(launcher.start, Qt.MouseButton.LeftButton)  # known by now: no second look
    assert len(started) == 1


def test_a_run_is_set_up_again_with_its_settings(services, runs, qtbot, monkeypatch):
    monkeypatch.setattr("models.devices.available", list)
    write_run("a", settings=config(learning_rate=3e-4))
    read_all(runs, qtbot)
    runs.launch("emotion", like=runs.runs[0])
    made = Launcher(services, "emotion", proposal=runs.proposal)
    qtbot.addWidget(made)
    assert made.name.text() == "a-2"
    assert made.form.model.learning_rate == pytest.approx(3e-4)
    qtbot.waitUntil(lambda: not services.worker("machine").busy)
