"""Gates through a training, and two models side by side."""

import numpy as np
from PySide6.QtCore import Qt

from app.tabs.reverberation.compare_page import EPOCHS, MODEL, Source
from models.reverberation.history import GATE_NAMES, KL_NAMES
from models.training.events import Epoch, EventWriter, Started
from models.training.run_folder import RunFolder
from tests.gui.reverberation.helpers import idle, observed, saved_mesh


def told_run(services, name="told", epochs=4):
    """A run folder whose epochs told of gates, as a finished training leaves it."""
    path = services.settings.runs_folder / name
    run = RunFolder.create(path, "reverberation", {"network": {"d": 16, "gating": "routing"}})
    writer = EventWriter(run.events_file)
    writer.write(
        Started(pid=1, process_started=0.0, system="reverberation", device="cpu", total_epochs=epochs,
                total_steps=epochs, trains={"steps at most": 8})
    )  # fmt: skip
    for epoch in range(1, epochs + 1):
        write_epoch(writer, epoch)
    return run, writer


def write_epoch(writer, epoch):
    values = {f"validation/{item}": epoch / 10 for item in GATE_NAMES}
    values |= {f"validation/{item}": 10.0**-epoch for item in KL_NAMES}
    writer.write(Epoch(epoch=epoch, step=epoch, values={**values, "validation/rmse": 1 / epoch}))


def test_gates_are_played_through_training(tab, qtbot):
    run, writer = told_run(tab.services)
    tab.services.training.rescan()
    tab.services.training.look_at([run.path])
    qtbot.waitUntil(lambda: bool(tab.services.training.find(run.path).epochs))
    tab.playback.choose(str(run.path))
    assert tab.playback.active
    np.testing.assert_allclose(tab.mesh_page.mesh.state.gates, 0.4)
    tab.choice.choose("heat")
    assert tab.heat_page.heat.selection == [3]
    qtbot.keyClick(tab.playback.player.slider, Qt.Key.Key_Home)
    np.testing.assert_allclose(tab.mesh_page.mesh.state.gates, 0.1)
    assert tab.heat_page.heat.selection == [0]
    assert "epoch 1 of 4" in tab.figures.count.accessibleName()
    qtbot.keyClick(tab.heat_page.heat, Qt.Key.Key_Down)  # a row of the heat map is an epoch
    assert tab.playback.at == 1
    tab.playback.player.play.click()
    qtbot.waitUntil(lambda: tab.playback.at == 3 and not tab.playback.player.play.isChecked(), timeout=10_000)
    write_epoch(writer, 5)  # the run goes on, and the view with it
    writer.close()
    qtbot.waitUntil(lambda: tab.playback.at == 4, timeout=10_000)
    np.testing.assert_allclose(tab.mesh_page.mesh.state.gates, 0.5)
    tab.choice.choose("kl")
    assert len(tab.kl_page.bars.collapsed()) == 26
    assert "26 of 26 latents have collapsed" in tab.kl_page.facts.text()
    tab.session.choose("harp")
    assert len(tab.module.trained_first.x) == 5
    tab.playback.choose("")
    assert tab.mesh_page.mesh.state.gates is None


def test_a_run_without_gates_says_so(tab, qtbot):
    run, writer = told_run(tab.services, "baseline", epochs=0)
    writer.close()
    tab.services.training.rescan()
    tab.playback.choose(str(run.path))
    assert not tab.playback.active
    assert "told of no gates" in tab.playback.words.text()


def test_two_models_and_an_epoch_side_by_side(tab, qtbot, sequences, tmp_path):
    other = saved_mesh(tmp_path / "other", width=5, d=16, gating="observed")
    tab.models.choose(str(other))
    tab.models.choose(str(tmp_path / "small"))
    observed(tab, qtbot, sequences)
    tab.choice.choose("compare")
    left, right = tab.compare.sides
    right.choose(Source(MODEL, str(other)))
    qtbot.waitUntil(lambda: tab.compare.differences() is not None and idle(tab), timeout=30_000)
    np.testing.assert_allclose(left.shown.summary.gates, tab.session.observation.gates.mean(1))
    assert len(tab.compare.rows()) == 19
    changes = [abs(float(row[6].replace("−", "-"))) for row in tab.compare.rows()]
    pairs = [
        max(abs(float(row[column].replace("−", "-"))) for column in (3, 6)) for row in tab.compare.rows()
    ]
    assert pairs == sorted(pairs, reverse=True)
    assert max(changes) > 0
    tab.session.select([2, 5])  # the same samples on both sides
    qtbot.waitUntil(lambda: right.shown.words == left.shown.words == "mean of 2 selected", timeout=10_000)
    right.choose(Source(EPOCHS, "shipped"))
    right.epoch.setValue(3)
    assert right.shown.words.startswith("epoch 3 of")
    tab.exports.save_comparison(tmp_path / "comparison.csv")
    assert len((tmp_path / "comparison.csv").read_text().splitlines()) == 20
