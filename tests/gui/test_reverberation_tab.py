"""The ReverberationNet tab as a person uses it: sequences, gates, one role, muting, ranking, exports, bad files."""

import csv
import json
import threading
from dataclasses import asdict

import numpy as np
import pytest
import torch
from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QFileDialog,
    QPushButton,
    QSlider,
    QTableView,
)

from app import i18n, theme
from app.tabs.reverberation import work
from app.tabs.reverberation.compare_page import EPOCHS, MODEL, Source
from app.tabs.reverberation.mesh_painter import Geometry, MeshState, label_box, line_width
from app.tabs.reverberation.module_names import MODULES, module_color
from app.training.launcher import Launcher
from app.widgets.pictures import Picture, say_not_saved
from models import checkpoint
from models.reverberation.history import GATE_NAMES, KL_NAMES
from models.reverberation.network import NetworkConfig, ReverberationNet
from models.reverberation.wiring import ROLE_NAMES, documented
from models.training.events import Epoch, EventWriter, Started
from models.training.run_folder import RunFolder


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
    qtbot.waitUntil(lambda: tab.session.observation is not None and idle(tab), timeout=30_000)


def test_own_sequences_fill_mesh_heat_map_and_figures(tab, qtbot, sequences):
    observed(tab, qtbot, sequences)
    assert tab.session.observation.gates.shape == (38, 30)
    assert len(tab.heat_page.heat.order()) == 30
    assert tab.figures.count.accessibleName().startswith("Sequences: 30")
    np.testing.assert_allclose(tab.mesh_page.mesh.state.gates, tab.session.observation.gates.mean(1))
    tab.sequences.number.setValue(7)
    np.testing.assert_allclose(tab.mesh_page.mesh.state.gates, tab.session.observation.gates[:, 6])
    tab.choice.choose("heat")
    tab.heat_page.heat.sorted_by.emit("target")
    assert (
        tab.heat_page.heat.order().tolist()
        == np.argsort(tab.session.observation.target, kind="stable").tolist()
    )
    tab.heat_page.which.setCurrentIndex(2)
    assert tab.heat_page.heat._signed


def test_a_role_is_reached_by_mouse_and_by_keyboard(tab, qtbot, sequences):
    observed(tab, qtbot, sequences)
    spot = tab.mesh_page.mesh.spot("harp").toPoint()
    qtbot.mouseClick(tab.mesh_page.mesh, Qt.MouseButton.LeftButton, pos=QPoint(spot.x(), spot.y()))
    assert tab.module.name == "harp"
    assert "竖琴" in tab.module.title.text()
    assert "KL" in tab.module.kl.text()
    qtbot.keyClick(tab.mesh_page.mesh, Qt.Key.Key_Right)
    assert tab.module.name not in ("", "harp")
    tab.sequences.number.setValue(3)
    qtbot.waitUntil(
        lambda: not tab.module.activity.isHidden() and len(tab.module.active_first.x) > 0, timeout=10_000
    )
    assert "harp" in tab.mesh_page.mesh.words("harp")


def test_muting_changes_the_figures_and_can_be_taken_back(tab, qtbot, sequences):
    observed(tab, qtbot, sequences)
    before = tab.session.observation.output.copy()
    tab.mesh_page.mesh.select("cello")
    qtbot.keyClick(tab.mesh_page.mesh, Qt.Key.Key_M)
    qtbot.waitUntil(
        lambda: idle(tab) and not np.array_equal(tab.session.observation.output, before), timeout=10_000
    )
    assert tab.mesh_page.mesh.state.muted == frozenset({"cello"})
    assert "with everything" in tab.figures.error.accessibleName()
    tab.what_if.clear.click()
    qtbot.waitUntil(lambda: idle(tab) and np.allclose(tab.session.observation.output, before), timeout=10_000)


def test_the_ranking_has_every_role(tab, qtbot, sequences):
    observed(tab, qtbot, sequences)
    tab.choice.choose("what if")
    tab.what_if.rank.click()
    qtbot.waitUntil(lambda: len(tab.what_if.effects.effects) == 19 and idle(tab), timeout=60_000)
    added = [effect.added_error for effect in tab.what_if.effects.effects.values()]
    assert added == sorted(added, reverse=True)
    tab.what_if.table.selectRow(0)
    assert tab.module.name == tab.what_if.effects.roles[0]


@pytest.fixture
def let_it_rank(monkeypatch):
    """An event: a ranking that was begun does not end before it is set."""
    seen, rank = threading.Event(), work.ranked

    def slow(*given, **more):
        assert seen.wait(30)
        return rank(*given, **more)

    monkeypatch.setattr(work, "ranked", slow)
    yield seen
    seen.set()


def test_muting_by_hand_does_not_wait_for_the_ranking(tab, qtbot, sequences, let_it_rank):
    observed(tab, qtbot, sequences)
    tab.choice.choose("what if")
    tab.what_if.rank.click()
    before = tab.session.observation.output
    tab.what_if.table.selectRow(0)
    qtbot.keyClick(tab.what_if.table, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: not np.array_equal(tab.session.observation.output, before), timeout=20_000)
    assert not tab.what_if.effects.effects
    let_it_rank.set()
    qtbot.waitUntil(lambda: len(tab.what_if.effects.effects) == 19 and idle(tab), timeout=60_000)


def test_a_ranking_of_other_sequences_is_not_shown(tab, qtbot, sequences, tmp_path, let_it_rank):
    observed(tab, qtbot, sequences)
    tab.what_if.rank.click()
    other = tmp_path / "other.npz"
    np.savez(other, x=np.ones((3, 4, 5), np.float32))
    tab.accept_paths([other])
    qtbot.waitUntil(
        lambda: len(tab.session.sequences) == 3 and tab.session.observation is not None, timeout=20_000
    )
    let_it_rank.set()
    qtbot.waitUntil(lambda: idle(tab), timeout=60_000)
    assert not tab.what_if.effects.effects


def test_the_empty_heat_map_says_whether_something_comes(tab, qtbot, sequences):
    assert tab.heat_page.heat.empty_words == "Nothing was observed yet."
    tab.accept_paths([sequences])
    qtbot.waitUntil(lambda: "Observing" in tab.heat_page.heat.empty_words, timeout=20_000)
    qtbot.waitUntil(lambda: tab.session.observation is not None and idle(tab), timeout=20_000)
    assert tab.heat_page.heat.empty_words == "Nothing was observed yet."


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
    assert tab.session.observation is None


def test_exports(tab, qtbot, sequences, tmp_path):
    observed(tab, qtbot, sequences)
    assert sum(action.isEnabled() for action in tab.export_actions()) == 5
    tab.exports.save_gates(tmp_path / "gates.csv")
    with open(tmp_path / "gates.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30
    assert float(rows[4]["gate_harp_2"]) == pytest.approx(
        tab.session.observation.gates[19 + ROLE_NAMES.index("harp"), 4], abs=1e-5
    )
    tab.exports.save_gates(tmp_path / "gates.npz")
    assert np.load(tmp_path / "gates.npz")["kl"].shape == (45, 30)
    for name in ("mesh.svg", "mesh.png"):
        tab.exports.save_mesh(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 2_000


def test_the_sample_and_what_another_tab_sends(tab, qtbot, tmp_path):
    tab.receive(np.random.default_rng(0).normal(size=(6, 9, 5)))
    qtbot.waitUntil(lambda: tab.session.observation is not None and idle(tab), timeout=30_000)
    assert len(tab.session.observation.output) == 6
    tab.models.choose(str(saved_mesh(tmp_path / "wide", width=64, d=16)))
    qtbot.waitUntil(lambda: idle(tab), timeout=30_000)
    tab.try_sample()
    qtbot.waitUntil(
        lambda: (
            tab.session.observation is not None and len(tab.session.observation.output) > 1_000 and idle(tab)
        ),
        timeout=120_000,
    )
    assert tab.session.observation.target is not None


# Training ---------------------------------------------------------------------------------------------------


def told_run(services, name="told", epochs=4):
    """A run folder whose epochs told of gates, as a finished training leaves it."""
    path = services.settings.runs_folder / name
    run = RunFolder.create(path, "reverberation", {"network": {"d": 16, "gating": "routing"}})
    writer = EventWriter(run.events_file)
    writer.write(
        Started(pid=1, process_started=0.0, system="reverberation", device="cpu", total_epochs=epochs,
                total_steps=epochs, trains={"longest": 8})
    )  # fmt: skip
    for epoch in range(1, epochs + 1):
        write_epoch(writer, epoch)
    return run, writer


def write_epoch(writer, epoch):
    values = {f"validation/{one}": epoch / 10 for one in GATE_NAMES}
    values |= {f"validation/{one}": 10.0**-epoch for one in KL_NAMES}
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
    qtbot.keyClick(tab.playback.slider, Qt.Key.Key_Home)
    np.testing.assert_allclose(tab.mesh_page.mesh.state.gates, 0.1)
    assert tab.heat_page.heat.selection == [0]
    assert "epoch 1 of 4" in tab.figures.count.accessibleName()
    qtbot.keyClick(tab.heat_page.heat, Qt.Key.Key_Down)  # a row of the heat map is an epoch
    assert tab.playback.at == 1
    tab.playback.play.click()
    qtbot.waitUntil(lambda: tab.playback.at == 3 and not tab.playback.play.isChecked(), timeout=10_000)
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


# Wiring -----------------------------------------------------------------------------------------------------


def test_a_wiring_is_edited_by_keyboard_undone_saved_and_opened(tab, qtbot, tmp_path):
    tab.choice.choose("wiring")
    page = tab.wiring_page
    page.table.setCurrentIndex(page.matrix.index(ROLE_NAMES.index("harp"), 1))
    qtbot.keyClick(page.table, Qt.Key.Key_Space)
    assert "harp" in page.wiring.reads["stream_processor"]
    assert page.wiring.connections == 41
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    assert page.wiring.own["harp"] == "stream_processor"
    assert "harp" not in page.wiring.reads["bandwidth_manager"]
    page.save(tmp_path / "own.wiring.json")
    page.undo_button.click()
    page.undo_button.click()
    assert page.wiring == documented()
    page.redo_button.click()
    assert page.wiring.connections == 41
    page.open(tmp_path / "own.wiring.json")
    assert page.wiring.own["harp"] == "stream_processor"


def on_line(mesh, line):
    """A place on a line where nothing else is nearer."""
    geometry = mesh._geometry()
    places = [geometry.path(line).pointAtPercent(share / 50) for share in range(10, 45)]
    free = [p for p in places if not mesh.module_at(p) and geometry.line_at(p, mesh.state.lines()) == line]
    return free[0].toPoint()


def test_a_wiring_is_edited_by_mouse(tab, qtbot):
    tab.choice.choose("wiring")
    mesh = tab.wiring_page.mesh
    qtbot.waitUntil(lambda: mesh.width() > 200)

    def draw(role, processor, keys=Qt.KeyboardModifier.NoModifier):
        qtbot.mousePress(mesh, Qt.MouseButton.LeftButton, pos=mesh.spot(role).toPoint())
        qtbot.mouseMove(mesh, mesh.spot(processor).toPoint())
        qtbot.mouseRelease(mesh, Qt.MouseButton.LeftButton, keys, mesh.spot(processor).toPoint())

    draw("harp", "cache_manager", Qt.KeyboardModifier.ControlModifier)
    assert tab.wiring_page.wiring.own["harp"] == "bandwidth_manager"
    assert "harp" in tab.wiring_page.wiring.reads["cache_manager"]
    draw("tuba", "message_router")
    assert tab.wiring_page.wiring.own["tuba"] == "message_router"
    qtbot.mouseDClick(mesh, Qt.MouseButton.LeftButton, pos=on_line(mesh, ("harp", "cache_manager")))
    assert "harp" not in tab.wiring_page.wiring.reads["cache_manager"]


def test_a_wiring_that_cannot_work_is_refused_at_once(tab, qtbot, tmp_path):
    page = tab.wiring_page
    for role in ("philip", "clarinet", "elena"):
        page.toggle_reading(role, "sync_coordinator")
    assert said(tab, "sync_coordinator reads no role")
    assert page.wiring.reads["sync_coordinator"] == ["elena"]
    (tmp_path / "wrong.json").write_text("[]")
    page.open(tmp_path / "wrong.json")
    assert said(tab, "This is not a wiring")


def test_a_wiring_comes_into_the_form_of_a_run(tab, qtbot, window):
    tab.wiring_page.toggle_reading("harp", "stream_processor")
    tab.wiring_page.train.click()
    form = window.findChild(Launcher)
    config = form.form.model
    assert config.network.wiring["reads"]["stream_processor"][-1] == "harp"
    assert form.start.isEnabled()
    form.reject()


def test_a_model_brings_its_wiring(tab, qtbot, sequences, tmp_path):
    own = documented().moved("viola", "stream_processor")
    tab.models.choose(str(saved_mesh(tmp_path / "own", width=5, d=16, wiring=own.model_dump())))
    observed(tab, qtbot, sequences)
    assert tab.mesh_page.mesh.wiring == own
    assert ("viola", "stream_processor") in tab.what_if.connections.edges


# More views -------------------------------------------------------------------------------------------------


def said(tab, words):
    return any(words in f"{m.heading} {m.text}" for m in tab.messages.messages)


def test_a_connection_is_cut_in_the_table_and_on_the_mesh(tab, qtbot, sequences):
    observed(tab, qtbot, sequences)
    before = tab.session.observation.output.copy()
    tab.choice.choose("what if")
    row = tab.what_if.connections.edges.index(("cello", "data_aggregator"))
    tab.what_if.edges.setCurrentIndex(tab.what_if.connections.index(row, 1))
    qtbot.keyClick(tab.what_if.edges, Qt.Key.Key_Space)
    qtbot.waitUntil(
        lambda: idle(tab) and not np.array_equal(tab.session.observation.output, before), timeout=10_000
    )
    assert tab.mesh_page.mesh.state.cut == frozenset({("cello", "data_aggregator")})
    tab.choice.choose("mesh")
    qtbot.mouseDClick(
        tab.mesh_page.mesh,
        Qt.MouseButton.LeftButton,
        pos=on_line(tab.mesh_page.mesh, ("horn", "data_aggregator")),
    )
    assert {("horn", "data_aggregator"), ("data_aggregator", "horn")} < tab.session.cut
    tab.what_if.clear.click()
    qtbot.waitUntil(lambda: idle(tab) and np.allclose(tab.session.observation.output, before), timeout=10_000)


def test_several_sequences_are_shown_as_mean_and_spread(tab, qtbot, sequences):
    observed(tab, qtbot, sequences)
    tab.choice.choose("heat")
    qtbot.keyClick(tab.heat_page.heat, Qt.Key.Key_Home)
    for _ in range(3):
        qtbot.keyClick(tab.heat_page.heat, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert tab.session.selection == [0, 1, 2, 3]
    assert "4" in tab.sequences.number.specialValueText()
    np.testing.assert_allclose(
        tab.mesh_page.mesh.state.spread, tab.session.observation.gates[:, :4].std(1), rtol=1e-5
    )
    assert "±" in tab.mesh_page.mesh.words("harp")
    assert tab.figures.count.accessibleName().startswith("Sequences: 4")
    qtbot.keyClick(tab.heat_page.heat, Qt.Key.Key_Right)
    qtbot.keyClick(tab.heat_page.heat, Qt.Key.Key_Right)
    qtbot.keyClick(tab.heat_page.heat, Qt.Key.Key_Return)
    assert tab.heat_page.heat.sort_column == "eileen"
    assert (np.diff(tab.session.observation.gates[0][tab.heat_page.heat.order()]) >= 0).all()
    qtbot.keyClick(tab.heat_page.heat, Qt.Key.Key_Escape)
    assert tab.session.selection == []


def test_every_view_is_reached_by_keyboard(tab, qtbot, sequences):
    observed(tab, qtbot, sequences)
    for name, view in (("mesh", tab.mesh_page.mesh), ("kl", tab.kl_page.bars)):
        tab.choice.buttons[name].setFocus()
        qtbot.keyClick(tab.choice.buttons[name], Qt.Key.Key_Space)
        assert view.isVisible()
        before = tab.module.name
        qtbot.keyClick(view, Qt.Key.Key_Down)
        assert tab.module.name not in ("", before)
    for name in ("heat", "what if", "compare", "wiring", "structure"):
        qtbot.keyClick(tab.choice.buttons[name], Qt.Key.Key_Space)
        assert tab.page is tab.pages[name]
    for view in (
        tab.mesh_page.mesh,
        tab.heat_page.heat,
        tab.kl_page.bars,
        tab.mesh_page.histograms,
        tab.wiring_page.table,
    ):
        assert view.focusPolicy() & Qt.FocusPolicy.TabFocus
        assert view.accessibleName()
    qtbot.waitUntil(lambda: tab.structure.structure is not None and idle(tab), timeout=60_000)


def test_the_structure_is_drawn_listed_and_saved(tab, qtbot, tmp_path):
    tab.choice.choose("structure")
    qtbot.waitUntil(lambda: tab.structure.structure is not None and idle(tab), timeout=60_000)
    assert "40 connections" in tab.structure.tree.toPlainText()
    assert (
        tab.structure.table.rowCount() == 19 + 7 + 1 + 1 + 1
    )  # roles, processors, conductor, projection, sum
    for kind, name in (
        ("architecture", "a.svg"),
        ("data_flow", "d.png"),
        ("parameters", "p.csv"),
        ("tree", "t.txt"),
    ):
        tab.structure.save(kind, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 500
    tab.exports.write(lambda path: tab.structure.save("tree", path), tmp_path / "t.txt" / "no folder.txt")
    assert said(tab, "cannot be written")


def test_chinese_windows_show_both_names(tab, qtbot, sequences):
    observed(tab, qtbot, sequences)
    i18n.install("zh_CN")
    assert tab.what_if.effects.data(tab.what_if.effects.index(3, 0)) == "竖琴 harp"
    assert tab.heat_page.heat._head("harp") == "竖琴"
    tab.mesh_page.mesh.grab()


# Bad input --------------------------------------------------------------------------------------------------


def test_another_width_offers_a_projection(tab, qtbot, tmp_path, named):
    np.savez(tmp_path / "wide.npz", x=np.random.default_rng(0).normal(size=(4, 6, 7)))
    tab.accept_paths([tmp_path / "wide.npz"])
    qtbot.waitUntil(lambda: idle(tab) and said(tab, "7 features, the model wants 5"), timeout=30_000)
    named(tab, QPushButton, "Project to 5 features").click()
    qtbot.waitUntil(lambda: tab.session.observation is not None and idle(tab), timeout=30_000)
    assert tab.session.sequences.width == 5
    assert said(tab, "principal components")


def test_one_sequence_and_ragged_ones(tab, qtbot, tmp_path):
    np.save(tmp_path / "one.npy", np.random.default_rng(0).normal(size=(1, 6, 5)))
    observed(tab, qtbot, tmp_path / "one.npy")
    assert tab.mesh_page.mesh.state.spread is None
    rows = ["id,a,b,c,d,e,target"] + [f"s{i},{i},2,3,4,{step},1" for i in range(3) for step in range(i + 2)]
    (tmp_path / "ragged.csv").write_text("\n".join(rows))
    tab.session.observation = None
    observed(tab, qtbot, tmp_path / "ragged.csv")
    assert "2 to 4 steps, each computed to its own end" in tab.sequences.about.text()
    alone = tab.session.observation.output[0]
    tab.receive(np.stack([tab.session.sequences.x[0]]))
    qtbot.waitUntil(
        lambda: (
            idle(tab) and tab.session.observation is not None and len(tab.session.observation.output) == 1
        ),
        timeout=30_000,
    )
    assert tab.session.observation.output[0] == pytest.approx(alone, abs=1e-5)


def test_text_in_a_table_is_said_with_its_place(tab, qtbot, tmp_path):
    (tmp_path / "text.csv").write_text("a,b,c,d,e\n1,2,3,4,5\n1,2,loud,4,5\n")
    tab.accept_paths([tmp_path / "text.csv"])
    qtbot.waitUntil(lambda: idle(tab) and said(tab, "Column c, row 3: loud"), timeout=30_000)


def test_weights_of_another_width_are_refused_with_the_reason(tab, qtbot, sequences, tmp_path):
    place = saved_mesh(tmp_path / "torn", width=5, d=16)
    described = json.loads((place / "checkpoint.json").read_text())
    described["network"]["d"] = 32
    (place / "checkpoint.json").write_text(json.dumps(described))
    tab.models.choose(str(place))
    tab.accept_paths([sequences])
    qtbot.waitUntil(lambda: idle(tab) and bool(tab.messages.messages), timeout=30_000)
    assert said(tab, "do not fit")
    tab.models.choose(str(saved_mesh(tmp_path / "d32", width=5, d=32)))  # another d is no problem
    qtbot.waitUntil(lambda: tab.session.observation is not None and idle(tab), timeout=30_000)


def test_right_click_exports_what_is_shown(tab, qtbot, sequences, tmp_path):
    for view in (tab.mesh_page.mesh, tab.heat_page.heat, tab.kl_page.bars):
        menu = view.make_menu()
        assert [action.isEnabled() for action in menu.actions()] == [False, True, True, True]
        menu.deleteLater()
    observed(tab, qtbot, sequences)
    for view, rows in ((tab.mesh_page.mesh, 21), (tab.heat_page.heat, 30), (tab.kl_page.bars, 26)):
        view.save_csv(tmp_path / "shown.csv")
        assert len((tmp_path / "shown.csv").read_text().splitlines()) == rows + 1
        view.save(tmp_path / "shown.svg")
        assert b"<svg" in (tmp_path / "shown.svg").read_bytes()
    say_not_saved(tab.heat_page.heat, tmp_path / "full.csv", OSError(28, "No space left on device"))
    assert said(tab, "full.csv could not be written")


def test_what_was_sent_is_saved_to_be_trained_on(tab, qtbot, window, tmp_path, named, monkeypatch):
    place = tmp_path / "sent.npz"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(place), "NPZ (*.npz)"))
    tab.receive(np.random.default_rng(0).normal(size=(4, 6, 7)))
    qtbot.waitUntil(lambda: idle(tab) and said(tab, "7 features, the model wants 5"), timeout=30_000)
    named(tab, QPushButton, "Train on them…").click()
    form = window.findChild(Launcher)
    assert form.form.model.data.path == str(place)
    assert np.load(place)["x"].shape == (4, 6, 7)
    form.reject()


def test_everything_has_a_name_for_screen_readers(tab, qtbot):
    kinds = (QAbstractButton, QComboBox, QAbstractSpinBox, QSlider, QTableView, Picture)
    for view in tab.pages:
        tab.choice.choose(view)
        for kind in kinds:
            for widget in tab.findChildren(kind):
                if widget.isVisible() and widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
                    assert widget.accessibleName() or getattr(widget, "text", str)(), (view, widget)
                    if not isinstance(widget, QTableView | Picture):
                        assert widget.toolTip() or widget.accessibleName(), (view, widget.text())
    qtbot.waitUntil(lambda: tab.structure.structure is not None and idle(tab), timeout=60_000)


@pytest.mark.parametrize("language", ["en", "zh_CN"])
@pytest.mark.parametrize("size", [(948, 265), (698, 411), (2228, 906), (504, 316)])
def test_no_name_lies_over_a_module(qapp, size, language):
    i18n.install(language)
    state = MeshState()
    geometry = Geometry(state.wiring, QSize(*size))
    for name in MODULES:
        box = label_box(geometry, state, name)
        assert QRectF(0, 0, *size).contains(box), name
        for other in MODULES:
            assert not box.contains(geometry.at(other)), (name, other)


# Faults that were seen ----------------------------------------------------------------------------------------


@pytest.fixture
def many(tmp_path):
    """So many sequences that an answer at once is of a few of them; the later ones are harder."""
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 6, 5)).astype(np.float32)
    np.savez(tmp_path / "many.npz", x=x, y=np.linspace(0, 9, 300))
    return tmp_path / "many.npz"


@pytest.mark.parametrize("selected", [[], list(range(40, 60))])
def test_what_if_compares_the_same_sequences(tab, qtbot, many, monkeypatch, selected):
    observed(tab, qtbot, many)
    tab.session.select(selected)
    whole, go_on, observe = tab.session.observation, threading.Event(), work.observed

    def slow(observer, sequences, *given, **more):
        if len(sequences) == 300:
            assert go_on.wait(30)
        return observe(observer, sequences, *given, **more)

    monkeypatch.setattr(work, "observed", slow)
    try:
        tab.session.toggle_mute("cello")
        qtbot.waitUntil(lambda: tab.session.glance is not None, timeout=20_000)
        rows = tab.session.glanced
        few = tab.session.glance
        assert len(rows) == (64 if not selected else 20)
        assert set(rows) <= set(selected or range(300))
        before = whole.part(rows).rms
        assert f"RMS error: {few.rms:.4g} {before:.4g} with everything" in tab.figures.error.accessibleName()
        assert tab.figures.count.accessibleName().startswith(f"Sequences: {len(rows)} of 300")
        np.testing.assert_allclose(tab.mesh_page.mesh.state.gates, few.gates.mean(1))
    finally:
        go_on.set()
    qtbot.waitUntil(lambda: tab.session.glance is None and idle(tab), timeout=30_000)
    after = tab.session.observation
    chosen = selected or list(range(300))
    told = f"{after.part(chosen).rms:.4g} {whole.part(chosen).rms:.4g} with everything"
    assert told in tab.figures.error.accessibleName()


def test_a_model_that_comes_while_a_role_is_muted_is_compared_with_itself(tab, qtbot, sequences, tmp_path):
    observed(tab, qtbot, sequences)
    tab.session.toggle_mute("cello")
    qtbot.waitUntil(lambda: idle(tab), timeout=20_000)
    tab.models.choose(str(saved_mesh(tmp_path / "other", width=5, d=32)))
    qtbot.waitUntil(lambda: tab.session.whole is not None and idle(tab), timeout=30_000)
    assert tab.session.muted == {"cello"}
    assert f"{tab.session.whole.rms:.4g} with everything" in tab.figures.error.accessibleName()
    assert tab.session.whole.rms != tab.session.observation.rms


@pytest.mark.parametrize("language", ["en", "zh_CN"])
@pytest.mark.parametrize("height", [230, 300, 380, 520])
def test_nothing_of_the_mesh_page_lies_over_another_part(tab, qtbot, sequences, height, language):
    observed(tab, qtbot, sequences)
    i18n.install(language)
    page = tab.mesh_page
    page.setParent(None)
    qtbot.addWidget(page)
    page.resize(660, height)
    page.show()
    page.layout().activate()
    assert page.height() == height
    parts = [part for part in (page.mesh, page.legend, page.histograms) if part.isVisible()]
    for number, one in enumerate(parts):
        assert page.rect().contains(one.geometry())
        for other in parts[number + 1 :]:
            assert not one.geometry().intersects(other.geometry())
    geometry = Geometry(page.mesh.wiring, page.mesh.size())
    boxes = [label_box(geometry, page.mesh.state, name).adjusted(2, 0, -2, 0) for name in ROLE_NAMES]
    for number, box in enumerate(boxes):
        assert QRectF(page.mesh.rect()).contains(box)
        for other in boxes[number + 1 :]:
            assert not box.intersects(other)


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_lines_can_be_seen_and_their_width_says_the_gate(qapp, choice):
    theme.apply(qapp, choice)
    state = MeshState(gates=np.linspace(0, 1, 38))
    for name in MODULES:
        color = module_color(name, state.wiring)
        assert theme.contrast(color, theme.color("card")) >= 3, name
    own = [(role, state.wiring.own[role]) for role in ROLE_NAMES]
    widths = [line_width(state, line) for line in own]
    assert widths == sorted(widths)
    assert widths[0] >= 1
    assert widths[-1] > 3 * widths[0]
    state.gates = None  # before anything was observed no line says anything
    assert len({line_width(state, line) for line in state.lines()}) == 1


def test_a_name_of_a_file_is_shown_as_it_is(tab, qtbot, tmp_path):
    np.savez(tmp_path / "<b>own<i>.npz", x=np.zeros((3, 4, 5), np.float32))
    observed(tab, qtbot, tmp_path / "<b>own<i>.npz")
    assert "<b>own<i>" in tab.sequences.about.text()
    assert tab.sequences.about.textFormat() == Qt.TextFormat.PlainText
