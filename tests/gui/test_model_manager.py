"""The model manager as a person uses it, with a hub of our own over real connections."""

import pytest

from app.model_manager.dialog import STATE, ModelManager
from app.model_manager.shelf_state import ShelfState
from app.settings import Key
from models.hub import shelf, sources
from tests.fake_hub import FakeHub, weights

NAME = "openai/clip-vit-base-patch32"
CLOSED = "JorisCos/ConvTasNet_Libri2Mix_sepclean_16k"


@pytest.fixture
def hub(monkeypatch):
    files = {"config.json": b"{}", "model.safetensors": weights(200_000)}
    with FakeHub({NAME: files, CLOSED: {"pytorch_model.bin": weights(30_000)}}) as made:
        monkeypatch.delenv("HF_HUB_OFFLINE")
        sources.change(endpoint=made.address)
        yield made


@pytest.fixture
def manager(hub, services, qtbot):
    state = ShelfState(services)
    made = ModelManager(services, state)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: made.table.rowCount() >= 8)
    return made


def idle(manager):
    return not manager._state.tasks and not manager._services.tasks


def press(manager, name, qtbot):
    manager.details.buttons[name].click()
    qtbot.waitUntil(lambda: idle(manager), timeout=20_000)
    qtbot.waitUntil(lambda: not manager._state.looking)


def test_every_model_says_what_a_person_must_know(manager):
    for row in range(manager.table.rowCount()):
        manager.table.setCurrentCell(row, 0)
        entry = manager.chosen.entry
        assert entry.title == manager.details.title.text()
        assert manager.details.tried.text() == entry.tried
        assert manager.details.buttons["download"].isVisible()
        assert not manager.details.buttons["remove"].isVisible()


def test_download_measure_of_progress_and_deletion(manager, hub, qtbot):
    manager.choose(NAME)
    seen = []
    manager._services.tasks_changed.connect(
        lambda: seen.extend(task.text() for task in manager._services.tasks)
    )
    manager._state.download(NAME, agreed=False, revision="main")
    qtbot.waitUntil(lambda: idle(manager), timeout=20_000)
    qtbot.waitUntil(lambda: manager.table.item(manager._names.index(NAME), STATE).text() == "here")
    assert manager.messages.messages[0].level != "error", manager.messages.messages[0].text
    assert any("MB" in text for text in seen)
    assert manager.details.buttons["use"].isVisible()
    press(manager, "verify", qtbot)
    assert "as it arrived" in manager.messages.messages[0].heading
    (shelf.folder_of(NAME) / "model.safetensors").write_bytes(b"damaged")
    press(manager, "verify", qtbot)
    assert manager.messages.messages[0].level == "error"
    manager._state.remove(NAME)
    qtbot.waitUntil(lambda: manager.table.item(manager._names.index(NAME), STATE).text() == "can be had")
    assert not shelf.folder_of(NAME).exists()


def test_cancel_keeps_what_has_come(manager, hub, qtbot):
    hub.pause_s = 0.1
    manager.choose(NAME)
    manager._state.download(NAME, agreed=False, revision="main")
    qtbot.waitUntil(lambda: any(task.step.done > 40_000 for task in manager._services.tasks), timeout=20_000)
    assert manager.details.buttons["cancel"].isVisible()
    press(manager, "cancel", qtbot)
    assert manager.table.item(manager._names.index(NAME), STATE).text() == "begun"
    assert not manager.messages.messages  # a person's own wish is no error


def test_terms_are_agreed_to_before_the_download(manager, hub, qtbot):
    manager.choose(CLOSED)
    assert "Not for commercial use." in manager.details.terms.text()
    assert not manager.details.buttons["download"].isEnabled()
    manager.details.agree.click()
    press(manager, "download", qtbot)
    assert shelf.usable(CLOSED).name == "pytorch_model.bin"


def test_a_model_that_is_not_there_is_said_in_the_dialog(manager, hub, qtbot):
    manager.other.setText("nobody/nothing")
    manager.fetch.click()
    qtbot.waitUntil(lambda: idle(manager), timeout=20_000)
    assert "no public model nobody/nothing" in manager.messages.messages[0].heading
    manager.other.setText("no name of the hub")
    assert not manager.fetch.isEnabled()


def test_import_and_use_reach_the_tab(hub, services, qtbot, tmp_path):
    from app.main_window import MainWindow

    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "config.json").write_text("{}")
    (tmp_path / "net" / "model.safetensors").write_bytes(weights(1000))
    shelf.bring_in(tmp_path / "net", NAME)
    window = MainWindow(services, "emotion")
    qtbot.addWidget(window)
    with qtbot.waitSignal(window.filled):
        window.show()
    models = window.show_tab("emotion").models
    models.box.setCurrentIndex(models.box.findData("?manager"))
    models.box.activated.emit(models.box.currentIndex())
    dialog = window.menus.opened("models")
    assert dialog.filter.currentData() == "emotion"
    dialog.filter.setCurrentIndex(0)
    qtbot.waitUntil(lambda: NAME in dialog._names)
    dialog.choose(NAME)
    dialog.details.buttons["use"].click()
    assert window.system == "search"
    assert window.current.models.choice == NAME
    qtbot.waitUntil(lambda: not services.tasks and not window.current.is_busy, timeout=20_000)


def test_sources_are_kept_and_mistakes_said(manager, services, qtbot):
    page = manager.sources
    page.endpoint.setText("hf-mirror.com")
    page.endpoint.editingFinished.emit()
    assert "is not an address" in manager.messages.messages[0].heading
    assert page.endpoint.text() == sources.stored().endpoint
    page.endpoint.setText("https://hf-mirror.com")
    page.endpoint.editingFinished.emit()
    assert sources.stored().endpoint == "https://hf-mirror.com"
    page.offline.click()
    assert services.settings.flag(Key.OFFLINE)
    assert sources.offline()
    page.offline.click()
    assert not services.settings.offline
    page.provider.setCurrentIndex(1)
    page.provider.activated.emit(1)
    assert sources.stored().address == "https://modelscope.cn"


def test_a_copy_that_fails_is_said(manager, tmp_path, qtbot):
    manager.bring_in(tmp_path / "nowhere")
    qtbot.waitUntil(lambda: idle(manager) and bool(manager.messages.messages))
    assert "holds no model" in manager.messages.messages[0].heading
