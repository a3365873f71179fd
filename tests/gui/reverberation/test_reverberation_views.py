"""Every view by keyboard, in Chinese and for screen readers; nothing lies over another; exports."""

import csv

import numpy as np
import pytest
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QSlider,
    QTableView,
)

from app import i18n, theme
from app.tabs.reverberation.mesh_painter import Geometry, MeshState, label_box, line_width
from app.tabs.reverberation.module_names import MODULES, module_color
from app.widgets.pictures import Picture, say_not_saved
from models.reverberation.wiring import ROLE_NAMES
from tests.gui.reverberation.helpers import idle, observed, said


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
    for number, item in enumerate(parts):
        assert page.rect().contains(item.geometry())
        for other in parts[number + 1 :]:
            assert not item.geometry().intersects(other.geometry())
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
