"""The window: tabs, menus, files, messages between tabs, status, closing."""

import asyncio
import threading

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QDropEvent, QKeySequence

from app import systems
from app.help import help_of
from app.main_window import MainWindow
from app.settings import Key
from app.tabs.base import Tab
from app.tabs.broken import BrokenTab
from models.devices import Memory
from models.progress import Cancelled


class Probe(Tab):
    """A tab that notes what happens to it."""

    system = "eeg"
    open_title = "Open things"

    def __init__(self, services):
        super().__init__(services)
        self.seen = []
        self.set_action("Do it")
        self.exports = [QAction("Table", self)]
        self.exports[0].triggered.connect(lambda: self.seen.append("exported"))

    def act(self):
        self.seen.append("act")

    def accept_paths(self, paths):
        self.seen.append([path.name for path in paths])

    def receive(self, payload):
        self.seen.append(payload)

    def use_checkpoint(self, path):
        self.seen.append(path)

    def export_actions(self):
        return self.exports

    def state(self):
        return {"window_s": 2.0}

    def restore(self, state):
        self.seen.append(state)

    def shown(self):
        self.seen.append("shown")

    def hidden(self):
        self.seen.append("hidden")

    async def shut_down(self):
        self.seen.append("down")


@pytest.fixture
def probe(services, qtbot, crashes, monkeypatch):
    """(window, its probe tab in the place of EEG)."""
    monkeypatch.setattr(systems.Entry, "make", lambda self, services: probe_or_page(self, services))
    window = MainWindow(services, "eeg")
    with qtbot.waitSignal(window.filled):
        window.show()
    yield window, window.current
    if window.isVisible():
        with qtbot.waitSignal(window.closed):
            window.close()
    window.deleteLater()


def probe_or_page(entry, services):
    return Probe(services) if entry.system == "eeg" else BrokenTab(services, entry.system)


def test_tabs_are_built_when_they_are_first_shown(probe, qtbot):
    window, page = probe
    assert window.page("search") is None
    assert page.seen == [{}, "shown"]
    qtbot.keyClick(window, Qt.Key.Key_5, Qt.KeyboardModifier.ControlModifier)
    assert window.current is window.page("search")
    assert page.seen[-1] == "hidden"
    window.header.tabs.setCurrentIndex(3)
    assert window.current is page
    assert page.seen[-1] == "shown"


def test_a_tab_that_cannot_be_built_leaves_the_others_usable(services, qtbot, crashes, monkeypatch):
    def make(entry, services):
        if entry.system == "eeg":
            raise RuntimeError("broken")
        return Probe(services)

    monkeypatch.setattr(systems.Entry, "make", make)
    window = MainWindow(services, "eeg")
    with qtbot.waitSignal(window.filled):
        window.show()
    qtbot.waitUntil(lambda: bool(crashes))
    assert isinstance(window.current, BrokenTab)
    assert isinstance(window.show_tab("search"), Probe)
    with qtbot.waitSignal(window.closed):
        window.close()
    window.deleteLater()


def test_files_dropped_on_the_window_go_to_the_tab_in_front(probe, services, tmp_path):
    window, page = probe
    files = [tmp_path / "a.wav", tmp_path / "b.wav"]
    for file in files:
        file.write_bytes(b"x")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    copy = Qt.DropAction.CopyAction
    event = QDropEvent(
        QPointF(600, 300), copy, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    window.dropEvent(event)
    assert page.seen[-1] == ["a.wav", "b.wav"]
    window.menus._list_recent()
    assert [action.text() for action in window.menus.recent_menu.actions()][:2] == ["a.wav", "b.wav"]
    window.menus.recent_menu.actions()[1].trigger()
    assert page.seen[-1] == ["b.wav"]


def test_open_and_export_by_the_menu(probe, tmp_path, monkeypatch, qtbot):
    window, page = probe
    file = tmp_path / "c.wav"
    file.write_bytes(b"x")
    monkeypatch.setattr(
        "app.tabs.base.QFileDialog.getOpenFileNames", lambda *arguments, **more: ([str(file)], "")
    )
    window.menus.open_action.trigger()
    assert page.seen[-1] == ["c.wav"]
    window.menus.export_action.trigger()
    assert page.seen[-1] == "exported"
    page.exports = []
    window.menus.export_action.trigger()
    assert page.messages.messages[0].heading == "There is nothing to export yet."


def test_tabs_send_to_one_another(probe, services):
    window, page = probe
    window.show_tab("search")
    services.send("eeg", {"track": 1})
    assert window.current is page
    assert page.seen[-1] == {"track": 1}
    services.send("search", "words")
    assert window.current.messages.messages[0].heading == "What was sent cannot be used here."


def test_window_tab_and_tab_state_come_back(probe, services, qtbot):
    window, page = probe
    window.open_dock(True)
    window.resize(1100, 700)
    with qtbot.waitSignal(window.closed):
        window.close()
    assert page.seen[-2:] == ["hidden", "down"]
    settings = services.settings
    assert settings.text(Key.TAB) == "eeg"
    assert settings.plain(Key.TABS, "eeg") == {"window_s": 2.0}
    assert settings.flag(Key.DOCK_OPEN)
    again = MainWindow(services)
    with qtbot.waitSignal(again.filled):
        again.show()
    assert again.current.system == "eeg"
    assert again.current.seen[0] == {"window_s": 2.0}
    assert again.dock.is_open
    with qtbot.waitSignal(again.closed):
        again.close()
    again.deleteLater()


def test_a_task_shows_its_progress_and_is_cancelled_from_the_status_line(probe, services, qtbot):
    window, page = probe
    begun, ended = threading.Event(), []

    def work(progress=None):
        progress.update(1, 4, "Reading {name}", name="a.wav")
        begun.set()
        while True:
            progress.update(1, 4, "Reading {name}", name="a.wav")

    async def run():
        with services.task("Reading") as task, page.busy(task):
            try:
                await services.worker("probe").run(work, progress=task)
            except Cancelled:
                ended.append("cancelled")

    page.start(run())
    qtbot.waitUntil(begun.is_set)
    status = window.status
    qtbot.waitUntil(lambda: "25 %" in status.progress_text.whole())
    assert "Reading a.wav" in status.progress_text.whole()
    assert page.primary.text() == "■ Stop"
    qtbot.mouseClick(status.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: ended == ["cancelled"])
    qtbot.waitUntil(lambda: not status.cancel.isVisible())
    assert page.primary.text() == "Do it"
    qtbot.mouseClick(page.primary, Qt.MouseButton.LeftButton)
    assert page.seen[-1] == "act"


def test_closing_ends_what_is_being_computed(probe, services, qtbot):
    window, page = probe
    begun = threading.Event()

    def work(progress=None):
        while True:
            begun.set()
            progress.update(0, 0)

    async def run():
        with services.task("Endless") as task:
            await services.worker("probe").run(work, progress=task)

    job = page.start(run())
    qtbot.waitUntil(begun.is_set)
    with qtbot.waitSignal(window.closed):
        window.close()
    assert job.done()
    assert not services.worker("probe")._thread.is_alive()


def test_a_tab_that_does_not_let_go_is_left(probe, qtbot, monkeypatch):
    window, page = probe

    async def forever():
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr("app.pages.LEAVING_S", 0.05)
    page.shut_down = forever
    with qtbot.waitSignal(window.closed):
        window.close()
    assert not window.isVisible()


def test_status_and_device_are_told(probe, services):
    window, page = probe
    page.set_status("decoded 48:10")
    services.report_device("cuda:0", "because", "1.2 of 24 GB")
    services.set_latency("183 ms")
    assert window.status.state.whole() == "decoded 48:10"
    assert window.status.device.text() == "cuda:0 · 1.2 of 24 GB ⚠"
    assert window.status.device.toolTip() == "because"
    assert window.status.latency.text() == "183 ms"
    window.show_tab("search")
    assert window.status.state.whole() == ""


def test_the_dock_opens_and_closes_by_its_shortcut(window, qtbot):
    opened = window.dock.is_open
    qtbot.keyClick(window, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    assert window.dock.is_open is not opened
    assert window.menus.dock_action.isChecked() is not opened
    qtbot.keyClick(window, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    assert window.dock.is_open is opened


def test_every_shortcut_is_given_once(window):
    keys = [key.toString() for action in window.actions() for key in action.shortcuts()]
    assert len(keys) == len(set(keys))
    wanted = [
        "Ctrl+O",
        "Ctrl+E",
        "Ctrl+T",
        "Ctrl+L",
        "Ctrl+N",
        "Ctrl+R",
        "Ctrl+Q",
        *(f"Ctrl+{n}" for n in range(1, 6)),
    ]
    assert {QKeySequence(key).toString() for key in wanted} <= set(keys)


@pytest.mark.parametrize("name", ["log", "shortcuts", "about", "settings"])
def test_windows_of_their_own_open_once_and_close(window, qtbot, monkeypatch, name):
    monkeypatch.setattr("models.devices.available", list)
    getattr(window.menus, f"show_{name}")()
    dialog = window.menus.opened(name)
    assert dialog.isVisible()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert window.menus.opened(name) is None


def test_an_unclean_exit_and_set_aside_settings_are_told(services, qtbot, crashes, own_home):
    from app.errors import crash_folder

    crash_folder().mkdir(parents=True)
    (crash_folder() / "running-999999.txt").write_text('{"pid": 999999, "started": 5}\nSegmentation fault\n')
    services.settings.notice = own_home / "settings.unreadable-1.ini"
    window = MainWindow(services, "eeg")
    with qtbot.waitSignal(window.filled):
        window.show()
    headings = [message.heading for message in window.current.messages.messages]
    assert headings == [
        "Polyphony did not end by itself the last time.",
        "The settings could not be read and were set aside.",
    ]
    window.current.messages.messages[0].buttons[0].click()
    assert "Segmentation fault" in window.menus.opened("report").text.toPlainText()
    window.menus.opened("report").close()
    with qtbot.waitSignal(window.closed):
        window.close()
    window.deleteLater()


def test_the_runs_can_have_the_whole_window(window, qtbot):
    window.open_dock(True)
    qtbot.keyClick(
        window, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    assert window.shows_training
    assert window.training.isVisible()
    assert not window.dock.isVisible()
    assert window.header.tabs.tabText(window.header.tabs.currentIndex()) == "Training"
    assert window.menus.training_action.isChecked()
    window.menus.training_action.trigger()  # back to the tab, the dock still open
    assert window.current.isVisible()
    assert window.dock.isVisible()
    assert window.dock.is_open
    window.dock.enlarge_button.click()
    assert window.shows_training
    window.show_tab("reverberation")  # who chooses a tab sees it
    assert window.current.isVisible()
    assert not window.shows_training
    assert not window.menus.training_action.isChecked()
    window.header.tabs.setCurrentIndex(5)
    assert window.shows_training
    window.header.tabs.setCurrentIndex(2)  # the tab that was in front before
    assert window.current.isVisible()


@pytest.mark.parametrize("place", [*systems.NAMES, "training"])
def test_f1_knows_what_is_in_front(place, window, qtbot, monkeypatch):
    monkeypatch.setattr(systems.Entry, "make", probe_or_page)
    if place == "training":
        window.show_training()
    else:
        window.show_tab(place)
    next(action for action in window.actions() if QKeySequence("F1") in action.shortcuts()).trigger()
    dialog = window.menus.opened("shortcuts")
    assert dialog.about == help_of(place)
    assert len(dialog.about.lines) == 3
    assert dialog.windowTitle().endswith(window.header.tabs.tabText(window.header.tabs.currentIndex()))
    dialog.close()


def test_why_the_cpu_computes_is_said(window, services):
    services.report_device("cpu")
    assert window.status.device.text() == "CPU"
    assert "no graphics card" in window.status.device.toolTip()
    services.settings.set(Key.DEVICE, "cpu")
    services.report_device("cpu")
    assert "chosen in Settings" in window.status.device.toolTip()
    services.report_device("cpu", "No graphics card is used: this build of torch has no CUDA.")
    assert window.status.device.text() == "CPU ⚠"
    assert "no CUDA" in window.status.device.toolTip()


def test_the_memory_of_the_card_is_looked_at_while_it_computes(window, services, qtbot, monkeypatch):
    monkeypatch.setattr("models.devices.memory", lambda device: Memory(3 * 2**30, 80 * 2**30, 2**30))
    services.report_device("cuda:0")
    qtbot.waitUntil(lambda: window.status.device.text() == "cuda:0 · 3.0 of 80 GB")
    assert services._memory_timer.isActive()
    services.report_device("cpu")
    assert not services._memory_timer.isActive()
    qtbot.waitUntil(lambda: not services.worker("machine").busy)
