"""The choice of model: checkpoints that are none, those of a run, the card."""

from PySide6.QtCore import Qt

from models.resources import resource
from tests.gui.emotion.helpers import CLIPS, idle, open_files, recognised


def test_a_checkpoint_that_is_none_is_refused_where_it_is_chosen(tab, qtbot, tmp_path):
    tab.models._try(str(tmp_path))
    assert tab.models.choice == "bundled"
    assert any(message.level == "error" for message in tab.messages.messages)


def test_what_is_no_model_is_said_at_once_and_no_longer_than_it_holds(tab, qtbot, tmp_path):
    import shutil

    place = tmp_path / "half"
    shutil.copytree(resource("checkpoints", "emotion"), place)
    (place / "weights.safetensors").unlink()
    tab.models._try(str(place))
    assert tab.models.choice == "bundled"
    assert any("holds no weights" in f"{m.heading} {m.text}" for m in tab.messages.messages)
    shutil.copyfile(resource("checkpoints", "emotion") / "weights.safetensors", place / "weights.safetensors")
    tab.models._try(str(place))
    assert tab.models.choice == str(place)
    assert not any("holds no weights" in f"{m.heading} {m.text}" for m in tab.messages.messages)


def test_the_best_checkpoint_of_a_run_comes_into_the_tab(tab, qtbot, tmp_path):
    import shutil

    place = tmp_path / "my-run" / "best"
    shutil.copytree(resource("checkpoints", "emotion"), place)
    tab.services.training.use_checkpoint.emit("emotion", place)
    qtbot.waitUntil(lambda: tab.models.choice == str(place), timeout=5_000)
    assert "my-run" in tab.models.box.currentText()
    open_files(tab, qtbot, [next(CLIPS.glob("*.flac"))])
    assert len(recognised(tab)) == 1


def test_another_model_leaves_what_was_recognised_in_sight(tab, qtbot, tmp_path):
    import shutil

    clips = sorted(CLIPS.glob("13*.flac"))[:2]
    open_files(tab, qtbot, clips)
    table = tab.files.table
    before = [table.data(table.index(row, 2)) for row in range(2)]
    place = tmp_path / "my-run" / "best"
    shutil.copytree(resource("checkpoints", "emotion"), place)
    tab.services.training.use_checkpoint.emit("emotion", place)
    qtbot.waitUntil(lambda: tab.models.choice == str(place), timeout=5_000)
    assert any("my-run" in f"{message.heading} {message.text}" for message in tab.messages.messages)
    assert [table.data(table.index(row, 2)) for row in range(2)] == before
    assert tab.primary.text() == "Recognise 2 files"
    assert not tab.export_actions()[0].isEnabled()  # none of it is this model's
    qtbot.mouseClick(tab.primary, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not any(row.waiting for row in table.rows) and idle(tab), timeout=60_000)
    assert tab.export_actions()[0].isEnabled()


def test_the_card_is_that_of_the_chosen_model(tab, qtbot, monkeypatch):
    opened = []
    monkeypatch.setattr("app.widgets.model_card.QDesktopServices.openUrl", opened.append)
    tab.models.card_button.click()
    card = tab._card
    assert "six speakers" in card.toPlainText()
    tab.models.choose("someone/a_model*with<b>signs")
    assert "someone/a_model*with<b>signs" in card.toPlainText()
    assert "six speakers" not in card.toPlainText()
    from PySide6.QtCore import QUrl

    for address in ("file:///bin/sh", "smb://host/x", "javascript:alert(1)"):
        card.anchorClicked.emit(QUrl(address))
    assert opened == []
    card.anchorClicked.emit(QUrl("https://example.org"))
    assert [url.toString() for url in opened] == ["https://example.org"]
    tab.models.choose("bundled")
