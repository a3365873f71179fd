"""The ReverberationNet tab as a person uses it: sequences, gates, one role, muting, ranking, exports, bad files."""

import csv
from dataclasses import asdict

import numpy as np
import pytest
import torch
from PySide6.QtCore import QPoint, Qt

from models import checkpoint
from models.reverberation.network import NetworkConfig, ReverberationNet
from models.reverberation.wiring import ROLE_NAMES


def saved_mesh(folder, **values):
    torch.manual_seed(0)
    network = ReverberationNet(NetworkConfig(**values))
    info = checkpoint.CheckpointInfo(
        system="reverberation", title="small", network=asdict(network.config), card="Small.\n"
    )
    checkpoint.save(folder, network.state_dict(), info)
    return folder


@pytest.fixture
def tab(window, qtbot, crashes, tmp_path):
    """The tab with a small mesh for sequences of five features."""
    shown = window.show_tab("reverberation")
    shown.models.choose(str(saved_mesh(tmp_path / "small", width=5, d=16)))
    yield shown
    assert crashes == []


@pytest.fixture
def sequences(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(size=(30, 8, 5)).astype(np.float32)
    np.savez(tmp_path / "own.npz", x=x, y=x.mean((1, 2)), lengths=random.integers(2, 9, 30))
    return tmp_path / "own.npz"


def idle(tab):
    return not tab.is_busy and not tab.services.tasks


def observed(tab, qtbot, path):
    tab.accept_paths([path])
    qtbot.waitUntil(lambda: tab.observation is not None and idle(tab), timeout=30_000)


def test_own_sequences_fill_mesh_heat_map_and_figures(tab, qtbot, sequences):
    observed(tab, qtbot, sequences)
    assert tab.observation.gates.shape == (38, 30)
    assert len(tab.heat.order()) == 30
    assert tab.figures.count.accessibleName().startswith("Sequences: 30")
    np.testing.assert_allclose(tab.mesh.state.gates, tab.observation.gates.mean(1))
    tab.number.setValue(7)
    np.testing.assert_allclose(tab.mesh.state.gates, tab.observation.gates[:, 6])
    tab.views.choose("heat")
    tab.heat.sorted_by.emit("target")
    assert tab.heat.order().tolist() == np.argsort(tab.observation.target, kind="stable").tolist()
    tab.heat_page.which.setCurrentIndex(2)
    assert tab.heat._signed


def test_a_role_is_reached_by_mouse_and_by_keyboard(tab, qtbot, sequences):
    observed(tab, qtbot, sequences)
    spot = tab.mesh.spot("harp").toPoint()
    qtbot.mouseClick(tab.mesh, Qt.MouseButton.LeftButton, pos=QPoint(spot.x(), spot.y()))
    assert tab.page.name == "harp"
    assert "竖琴" in tab.page.title.text()
    assert "KL" in tab.page.kl.text()
    qtbot.keyClick(tab.mesh, Qt.Key.Key_Right)
    assert tab.page.name not in ("", "harp")
    tab.number.setValue(3)
    qtbot.waitUntil(
        lambda: not tab.page.activity.isHidden() and len(tab.page.active_first.x) > 0, timeout=10_000
    )
    assert "harp" in tab.mesh.words("harp")


def test_muting_changes_the_figures_and_can_be_taken_back(tab, qtbot, sequences):
    observed(tab, qtbot, sequences)
    before = tab.observation.output.copy()
    tab.mesh.select("cello")
    qtbot.keyClick(tab.mesh, Qt.Key.Key_M)
    qtbot.waitUntil(lambda: idle(tab) and not np.array_equal(tab.observation.output, before), timeout=10_000)
    assert tab.mesh.state.muted == frozenset({"cello"})
    assert "with everything" in tab.figures.error.accessibleName()
    tab.what_if.clear.click()
    qtbot.waitUntil(lambda: idle(tab) and np.allclose(tab.observation.output, before), timeout=10_000)


def test_the_ranking_has_every_role(tab, qtbot, sequences):
    observed(tab, qtbot, sequences)
    tab.views.choose("what if")
    tab.what_if.rank.click()
    qtbot.waitUntil(lambda: len(tab.what_if.effects.effects) == 19 and idle(tab), timeout=60_000)
    added = [effect.added_error for effect in tab.what_if.effects.effects.values()]
    assert added == sorted(added, reverse=True)
    tab.what_if.table.selectRow(0)
    assert tab.page.name == tab.what_if.effects.roles[0]


def test_an_observed_model_is_said_to_be_one(tab, qtbot, sequences, tmp_path):
    tab.models.choose(str(saved_mesh(tmp_path / "observed", width=5, d=16, gating="observed")))
    observed(tab, qtbot, sequences)
    assert any("only observed" in f"{m.heading} {m.text}" for m in tab.messages.messages)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: np.savez(path, x=np.zeros((4, 3, 7))), "7 features, the model wants 5"),
        (lambda path: np.savez(path, x=np.full((4, 3, 5), np.nan)), "values that are no numbers"),
        (lambda path: path.write_bytes(b"no array"), "cannot be read"),
    ],
)
def test_bad_files_are_said_in_the_tab(tab, qtbot, tmp_path, make, why):
    make(tmp_path / "bad.npz")
    tab.accept_paths([tmp_path / "bad.npz"])
    qtbot.waitUntil(
        lambda: idle(tab) and any(why in f"{m.heading} {m.text}" for m in tab.messages.messages),
        timeout=30_000,
    )
    assert tab.observation is None


def test_exports(tab, qtbot, sequences, tmp_path):
    observed(tab, qtbot, sequences)
    assert sum(action.isEnabled() for action in tab.export_actions()) == 5
    tab.exports.save_gates(tmp_path / "gates.csv")
    with open(tmp_path / "gates.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30
    assert float(rows[4]["gate_harp_2"]) == pytest.approx(
        tab.observation.gates[19 + ROLE_NAMES.index("harp"), 4], abs=1e-5
    )
    tab.exports.save_gates(tmp_path / "gates.npz")
    assert np.load(tmp_path / "gates.npz")["kl"].shape == (45, 30)
    for name in ("mesh.svg", "mesh.png"):
        tab.exports.save_mesh(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 2_000


def test_the_sample_and_what_another_tab_sends(tab, qtbot, tmp_path):
    tab.receive(np.random.default_rng(0).normal(size=(6, 9, 5)))
    qtbot.waitUntil(lambda: tab.observation is not None and idle(tab), timeout=30_000)
    assert len(tab.observation.output) == 6
    tab.models.choose(str(saved_mesh(tmp_path / "wide", width=64, d=16)))
    qtbot.waitUntil(lambda: idle(tab), timeout=30_000)
    tab.try_sample()
    qtbot.waitUntil(
        lambda: tab.observation is not None and len(tab.observation.output) > 1_000 and idle(tab),
        timeout=120_000,
    )
    assert tab.observation.target is not None
