"""Settings: kept, typed, forgiving; the dialog; languages and the catalogue's keeper."""

import ast
import importlib.util
import re
import sys
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton, QFileDialog, QLabel, QTreeView

from app import i18n, theme
from app.settings import Key, Settings
from models import devices
from models.devices import DeviceInfo
from models.errors import UserError

ROOT = Path(__file__).resolve().parents[2]


def test_what_is_set_is_there_after_a_restart(own_home):
    settings = Settings()
    settings.set(Key.THEME, "dark")
    settings.set(Key.THREADS, 1)
    settings.set(Key.OFFLINE, True)
    settings.set_plain(Key.TABS, {"window_s": 2.5, "名": "声"}, "emotion")
    settings.add_recent([Path("/a.wav"), Path("/b.wav")])
    assert settings.sync()
    again = Settings()
    assert again.path == own_home / "settings.ini"
    assert (again.theme, again.threads, again.offline) == ("dark", 1, True)
    assert again.plain(Key.TABS, "emotion") == {"window_s": 2.5, "名": "声"}
    assert again.recent() == [Path("/a.wav"), Path("/b.wav")]


def test_values_that_make_no_sense_are_as_if_they_were_not_there(own_home):
    own_home.mkdir()
    text = (
        "[look]\nlanguage=xx\ntheme=pink\n[compute]\nthreads=-4\noffline=perhaps\n[tabs]\nemotion=not json\n"
    )
    (own_home / "settings.ini").write_text(text)
    settings = Settings()
    assert (settings.language, settings.theme, settings.threads, settings.offline) == (
        "system",
        "system",
        0,
        False,
    )
    assert settings.plain(Key.TABS, "emotion") == {}
    assert settings.notice is None


@pytest.mark.parametrize(
    "content", [b"\x00\x01\x02\xff\xfe", b"[look]\nthis is no setting\n", b"\xff\xfeutf-16?"]
)
def test_an_unreadable_file_is_set_aside(own_home, content):
    own_home.mkdir()
    (own_home / "settings.ini").write_bytes(content)
    settings = Settings()
    assert settings.notice is not None
    assert settings.notice.read_bytes() == content
    settings.set(Key.THEME, "dark")
    assert settings.sync()
    assert Settings().theme == "dark"


def test_the_recent_list_is_short_and_without_doubles(own_home):
    settings = Settings()
    for number in range(30):
        settings.add_recent([Path(f"/{number}.wav")])
    settings.add_recent([Path("/25.wav")])
    recent = settings.recent()
    assert recent[0] == Path("/25.wav")
    assert len(recent) == 12
    assert len(set(recent)) == 12


def test_the_dialog_keeps_each_change_and_switches_the_theme_at_once(window, services, qtbot, monkeypatch):
    result = [DeviceInfo("cpu", "CPU"), DeviceInfo("cuda:0", "Test card", 8 * 2**30)]
    monkeypatch.setattr("models.devices.available", lambda: result)
    window.menus.show_settings()
    dialog = window.menus.opened("settings")
    qtbot.waitUntil(lambda: dialog.device.count() == 3)
    assert dialog.device.itemText(2) == "cuda:0 · Test card · 8 GB"
    before = window.grab().toImage().pixelColor(5, 300)
    index = dialog.theme.findData("dark")
    dialog.theme.setCurrentIndex(index)
    dialog.theme.activated.emit(index)
    assert theme.current() is theme.DARK
    assert window.menus.theme_actions["dark"].isChecked()
    assert window.grab().toImage().pixelColor(5, 300).lightness() < before.lightness()
    changed = []
    services.device_changed.connect(changed.append)
    dialog.device.setCurrentIndex(2)
    dialog.device.activated.emit(2)
    dialog.offline.click()
    dialog.threads.setValue(1)
    assert changed == ["cuda:0"]
    services.settings.sync()
    again = Settings()
    assert (again.theme, again.device, again.offline, again.threads) == ("dark", "cuda:0", True, 1)
    dialog.close()


def test_a_runs_folder_that_cannot_be_is_refused(window, services, tmp_path):
    window.menus.show_settings()
    dialog = window.menus.opened("settings")
    file = tmp_path / "file"
    file.write_text("")
    for text in ("relative/path", str(file)):
        dialog.runs.setText(text)
        dialog.runs.editingFinished.emit()
        assert services.settings.text(Key.RUNS_FOLDER) == ""
    dialog.runs.setText(str(tmp_path / "runs"))
    dialog.runs.editingFinished.emit()
    assert services.settings.runs_folder == tmp_path / "runs"
    dialog.close()


def test_chinese_is_spoken_everywhere_in_the_window(services, qtbot, crashes, qapp):
    from app.main_window import MainWindow

    i18n.install("zh_CN")
    i18n.install_qt(qapp)
    window = MainWindow(services, "eeg")
    with qtbot.waitSignal(window.filled):
        window.show()
    assert window.header.tabs.tabText(0) == "情感"
    words = " ".join(label.text() for label in window.findChildren(QLabel))
    assert "训练记录" in words
    with qtbot.waitSignal(window.closed):
        window.close()
    window.deleteLater()


def test_sentences_are_filled_after_they_are_translated():
    i18n.install("zh_CN")
    assert i18n.tr("{name} still runs.", name="a") == "a 仍在运行。"
    assert i18n.plural("{n} run", "{n} runs", 3) == "3 次训练"
    error = UserError("{name} could not be written.", "{reason}.", name="x.csv", reason="full")
    assert i18n.tr_error(error)[0] == "x.csv 无法写入。"
    i18n.install("en")
    assert i18n.plural("{n} run", "{n} runs", 1) == "1 run"
    assert i18n.tr("{n} runs of {what}", n=2) == "{n} runs of {what}"


@pytest.fixture(scope="module")
def keeper():
    spec = importlib.util.spec_from_file_location("translations_tool", ROOT / "tools" / "translations.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_keeper_finds_every_kind_of_sentence(keeper):
    source = """
tr("Start" if ready else "Wait", n=1)
plural("{n} file", "{n} files", n)
raise UserError("What.", "Why.", "Do.", name="not me")
progress.update(1, 2, "Reading {name}", name=x)
loss: Literal["l1", "l2"] = setting("l1", "Title", "Description.", unit="epochs", group="Group")
class Page:
    open_title = "Open sounds"
print("not me")
"""
    result = {text for _, text, _ in keeper.sentences(ast.parse(source))}
    assert result == {
        "Start", "Wait", "{n} file", "What.", "Why.", "Do.", "Reading {name}", "l1", "l2", "Title", "Description.",
        "epochs", "Group", "Open sounds",
    }  # fmt: skip


def test_the_keeper_says_what_is_amiss(keeper, tmp_path, monkeypatch):
    monkeypatch.setattr(keeper, "catalogue_file", lambda language: tmp_path / f"{language}.po")
    result = {"Stop": keeper.Sentence(), "{n} s left": keeper.Sentence()}
    assert len(keeper.problems("zh_CN", result)) == 2
    catalogue = keeper.updated("zh_CN", {**result, "Gone": keeper.Sentence()})
    catalogue.get("Stop").string = "停止"
    catalogue.get("{n} s left").string = "还需 {m} 秒"
    keeper.write("zh_CN", catalogue)
    said = keeper.problems("zh_CN", result)
    assert any(line.startswith("obsolete: Gone") for line in said)
    assert any(line.startswith("other names in braces") for line in said)
    keeper.write("zh_CN", keeper.updated("zh_CN", result))
    assert keeper.read("zh_CN").get("Stop").string == "停止"
    assert keeper.read("zh_CN").get("Gone") is None


def test_closing_the_dialog_while_devices_are_probed_does_no_harm(
    window, services, qtbot, crashes, monkeypatch
):
    asked, answer = threading.Event(), threading.Event()

    def probe():
        asked.set()
        answer.wait(10)
        return [devices.DeviceInfo("cpu", "CPU"), devices.DeviceInfo("cuda:0", "A card", 2**34)]

    monkeypatch.setattr(devices, "available", probe)
    window.menus.show_settings()
    qtbot.waitUntil(asked.is_set)
    dialog = window.menus.opened("settings")
    gone = []
    dialog.destroyed.connect(lambda: gone.append(True))
    dialog.accept()
    qtbot.waitUntil(lambda: bool(gone))
    answer.set()
    qtbot.waitUntil(lambda: not services.worker("machine").busy)
    qtbot.wait(0)
    assert not crashes


def test_a_runs_folder_with_an_endless_name_is_refused(window, services):
    window.menus.show_settings()
    dialog = window.menus.opened("settings")
    dialog.runs.setText("/" + "x" * 300)
    dialog._set_runs()
    assert "too long" in dialog._runs_note.text()
    assert services.settings.text(Key.RUNS_FOLDER) == ""


def test_the_file_dialog_is_chinese_in_every_word(qapp, qtbot):
    i18n.install("zh_CN")
    i18n.install_qt(qapp)
    dialog = QFileDialog(None, "打开")
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
    qtbot.addWidget(dialog)
    shown = [
        child.text() for kind in (QLabel, QAbstractButton, QAction) for child in dialog.findChildren(kind)
    ]
    files = dialog.findChild(QTreeView).model()
    shown += [str(files.headerData(column, Qt.Orientation.Horizontal)) for column in range(4)]
    latin = [words for words in shown if re.search("[A-Za-z]{2,}", words)]
    assert latin == []
    assert {"大小", "名称"} <= set(shown)


def test_names_in_a_row_stand_as_the_language_lists_them():
    assert i18n.series(["C3", "C4"]) == "C3, C4"
    i18n.install("zh_CN")
    assert i18n.series(["C3", "C4"]) == "C3、C4"
    assert i18n.series([]) == ""
