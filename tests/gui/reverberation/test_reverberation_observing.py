"""Sequences in, gates out: one role, muting and cutting, the ranking of roles."""

import threading

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from app.tabs.reverberation import work
from tests.gui.reverberation.helpers import idle, observed, on_line, saved_mesh


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
