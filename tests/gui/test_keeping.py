"""What comes back at the next start, also of a process that was killed; and remembered state that cannot be used."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QLabel

from app import systems
from app.main_window import MainWindow
from app.settings import Key, Settings
from app.tabs.base import Tab
from app.tabs.broken import BrokenTab

ROOT = Path(__file__).resolve().parents[2]


class Remembering(Tab):
    """Remembers a word, and cannot take up `poison`."""

    def __init__(self, services, system):
        super().__init__(services)
        self.system = system
        self.word = ""

    def state(self):
        return {"word": self.word}

    def restore(self, state):
        if state.get("word") == "poison":
            raise TypeError("poison")
        self.word = str(state.get("word", ""))


@pytest.fixture
def remembering(monkeypatch):
    monkeypatch.setattr(systems.Entry, "make", lambda self, services: Remembering(services, self.system))


def opened(services, qtbot, tab="eeg"):
    window = MainWindow(services, tab)
    with qtbot.waitSignal(window.filled):
        window.show()
    return window


def closed(window, qtbot):
    with qtbot.waitSignal(window.closed, timeout=5000):
        window.close()
    window.deleteLater()


def test_every_tab_is_kept_by_the_timer_and_is_on_the_disk(services, qtbot, crashes, remembering):
    window = opened(services, qtbot)
    for name in systems.NAMES:
        window.show_tab(name).word = f"of {name}"
    window.keeper.keep()
    read = Settings(services.settings.path)
    assert {name: read.plain(Key.TABS, name)["word"] for name in systems.NAMES} == {
        name: f"of {name}" for name in systems.NAMES
    }
    assert read.text(Key.TAB) == systems.NAMES[-1]
    assert window.keeper._timer.isActive()
    closed(window, qtbot)


def test_a_state_that_a_tab_cannot_take_up_is_set_aside_and_told(services, qtbot, crashes, remembering):
    services.settings.set_plain(Key.TABS, {"word": "poison"}, "eeg")
    window = opened(services, qtbot)
    assert isinstance(window.current, Remembering)
    assert window.current.word == ""
    assert "could not be used" in window.current.messages.messages[0].heading
    store = QSettings(str(services.settings.path), QSettings.Format.IniFormat)
    assert json.loads(str(store.value("aside/tabs/eeg"))) == {"word": "poison"}
    assert not crashes
    closed(window, qtbot)


@pytest.mark.parametrize(
    "text", ["[" * 200_000, "{", "7", '{"page": {"a": [1, 2]}, "pages": 3, "model": []}']
)
def test_no_state_keeps_a_tab_from_opening(text, services, qtbot, crashes):
    for name in systems.NAMES:
        services.settings._store.setValue(f"tabs/{name}", text)
    window = opened(services, qtbot)
    for name in systems.NAMES:
        assert not isinstance(window.show_tab(name), BrokenTab)
    closed(window, qtbot)
    assert not crashes


def test_a_start_that_ended_while_a_tab_took_up_its_state_is_not_repeated(
    services, qtbot, crashes, remembering
):
    services.settings.set_plain(Key.TABS, {"word": "deadly"}, "eeg")
    services.settings.set(Key.RESTORING, "eeg")
    window = opened(services, qtbot)
    assert window.current.word == ""
    assert services.settings.text(Key.RESTORING) == ""
    closed(window, qtbot)


def test_settings_that_cannot_be_written_are_told_once(services, qtbot, crashes, remembering, monkeypatch):
    window = opened(services, qtbot)
    monkeypatch.setattr(Settings, "sync", lambda self: False)
    told = []
    window.keeper.could_not_write.connect(lambda: told.append(True))
    window.keeper.keep()
    window.keeper.keep()
    assert told == [True]
    words = [label.text() for label in window.current.messages.findChildren(QLabel)]
    assert any("cannot be written" in line for line in words)
    closed(window, qtbot)


PROGRAM = """
import sys
import app.__main__ as program
from app import systems
from app.main_window import MainWindow
from PySide6.QtCore import QTimer

class Watched(MainWindow):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.filled.connect(lambda: QTimer.singleShot(0, self, self.ready))
    def ready(self):
        for name in systems.NAMES:
            self.show_tab(name)
        self.pages()[0].services.task("Separating a folder").__enter__()
        self.keeper.keep()
        print("ready", flush=True)

program.MainWindow = Watched
sys.exit(program.main(sys.argv[1:]))
"""


@pytest.fixture
def program(tmp_path):
    """Starts the whole program and waits until its tabs are built: ``program() -> the process``."""
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(PROGRAM))
    home = tmp_path / "home"
    environment = dict(os.environ, PYTHONPATH=str(ROOT), POLYPHONY_HOME=str(home))
    started = []

    def start():
        process = subprocess.Popen(
            [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT
        )  # fmt: skip
        started.append(process)
        assert process.stdout.readline().strip() == "ready", process.stderr.read()
        return process

    start.home = home
    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_asked_to_end_it_keeps_the_settings_and_tells_what_was_under_way(program, name):
    process = program()
    process.send_signal(getattr(signal, name))
    _out, trouble = process.communicate(timeout=30)
    assert process.returncode == 0, trouble
    assert list((program.home / "crashes").glob("*")) == []
    kept = Settings(program.home / "settings.ini")
    assert kept.texts(Key.ENDED_WHILE) == ["Separating a folder"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_killed_it_has_kept_every_tab(program):
    process = program()
    process.kill()
    process.communicate()
    kept = Settings(program.home / "settings.ini")
    assert all(kept.plain(Key.TABS, name) for name in systems.NAMES)
    assert kept.text(Key.TAB) == systems.NAMES[-1]


def test_what_was_under_way_is_said_at_the_next_start(services, qtbot, crashes, remembering):
    services.settings.set(Key.ENDED_WHILE, ["Separating a folder"])
    window = opened(services, qtbot)
    assert "Separating a folder" in window.current.messages.messages[0].text
    assert services.settings.texts(Key.ENDED_WHILE) == []
    closed(window, qtbot)
