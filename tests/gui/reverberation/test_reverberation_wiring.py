"""A wiring is edited, refused, saved, opened, and trained with."""

from PySide6.QtCore import Qt

from app.training.launcher import Launcher
from models.reverberation.wiring import ROLE_NAMES, documented
from tests.gui.reverberation.helpers import observed, on_line, said, saved_mesh


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
