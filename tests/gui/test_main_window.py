"""The window: tabs, menus, files, messages between tabs, status, closing."""

import asyncio
import threading

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QColor, QDropEvent, QKeySequence
from PySide6.QtWidgets import QAbstractButton

from app import systems, theme
from app.help import help_of
from app.main_window import MainWindow
from app.settings import Key
from app.tabs.base import Tab
from app.tabs.broken import BrokenTab
from app.widgets import focus
from app.widgets.bars import Bars
from app.widgets.decimate import envelope, minmax
from app.widgets.drop_zone import DropZone
from app.widgets.plot import Plot, figure
from app.widgets.plot_items import Axis
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


def test_every_control_has_a_name_and_the_tabs_are_first_in_order(window):
    nameless = [
        button
        for button in window.findChildren(QAbstractButton)
        if button.isVisible()
        and not (button.accessibleName() or any(sign.isalpha() for sign in button.text()))
    ]
    assert nameless == []
    assert list(focus.stops_in(window))[:2] == [window.header.tabs, window.header.settings_button]


def test_a_closed_dock_gives_the_tab_its_place_back(window, qapp):
    before = window.splitter.sizes()
    window.open_dock(True)
    qapp.processEvents()
    assert window.splitter.sizes()[0] < before[0]
    window.open_dock(False)
    qapp.processEvents()
    assert window.splitter.sizes() == before
    assert window.stack.height() == before[0]


@pytest.mark.parametrize("size", [(960, 600), (1280, 800), (2560, 1440)])
@pytest.mark.parametrize("choice", ["light", "dark"])
def test_it_fits_every_size_in_both_themes(window, qapp, size, choice):
    theme.apply(qapp, choice)
    window.resize(*size)
    qapp.processEvents()
    picture = window.grab().toImage()
    assert (window.width(), window.height()) == size
    left = picture.pixelColor(4, int(picture.height() * 0.4)).name()
    assert left == theme.current().page.lower()
    assert window.header.menus.geometry().left() > window.header.tabs.geometry().right()


def contrast(one, other):
    def light(color):
        parts = [
            value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
            for value in color.getRgbF()[:3]
        ]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_text_can_be_read_on_every_surface(qapp, choice):
    theme.apply(qapp, choice)
    color = theme.color
    for text in ("text", "muted"):
        for surface in (
            "page",
            "view",
            "card",
            "field",
            "tint",
            "hover",
            "error_back",
            "warning_back",
            "hint_back",
        ):
            assert contrast(color(text), color(surface)) >= 4.5, (text, surface)
    assert contrast(color("on_accent"), color("accent")) >= 4.5
    assert contrast(color("error"), color("page")) >= 4.5


def test_a_plot_reads_resets_and_exports(qtbot, tmp_path):
    plot = Plot("Curve", "time", "s", "level", "dB")
    qtbot.addWidget(plot)
    plot.resize(500, 200)
    plot.show()
    line = plot.line("sound", theme.BLUE)
    x = np.linspace(0, 10, 100_001)
    line.set(x, np.sin(x))
    plot.set_home((0, 10), (-1, 1))
    assert len(line.item.getData()[0]) <= 4100
    assert plot.read_at(5.0) == "5.000 s · sound −0.9589 dB"
    plot.setXRange(2, 3)
    qtbot.mouseDClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(250, 80))
    assert plot.getViewBox().viewRange()[0] == pytest.approx([0, 10])
    plot.save_csv(tmp_path / "a.csv")
    rows = (tmp_path / "a.csv").read_text("utf-8").splitlines()
    assert rows[0] == "curve,time (s),level (dB)"
    assert len(rows) == 100_002
    plot.save(tmp_path / "a.svg")
    assert f"<title>{plot.name}</title>" in (tmp_path / "a.svg").read_text("utf-8")
    plot.save(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    for name in ("a.csv", "a.svg", "a.png"):
        with pytest.raises(OSError):
            (plot.save_csv if name == "a.csv" else plot.save)(tmp_path / "nowhere" / name)
    words = [action.text() for action in plot.make_menu().actions() if action.text()]
    assert words[:3] == ["Export as CSV…", "Export as SVG…", "Export as PNG…"]


def test_plots_follow_the_theme_at_once_and_share_their_cursor(qtbot, qapp):
    one, other = Plot("One", "time", "s"), Plot("Other", "time", "s")
    for plot in (one, other):
        qtbot.addWidget(plot)
        plot.show()
    other.share_x(one)
    one.cursor_moved.emit(0.5)
    assert other._cursor.isVisible()
    theme.apply(qapp, "dark")
    assert one.backgroundBrush().color().name() == theme.DARK.card.lower()
    one.cursor_moved.emit(float("nan"))
    assert not other._cursor.isVisible()


def test_figures_have_four_digits_and_their_unit():
    assert figure(0.0123456, "s") == "0.01235 s"
    assert figure(-12.3, "dB") == "−12.30 dB"
    assert figure(0) == figure(-0.0) == "0"
    assert figure(1234567.0) == "1.23e+06"


def test_decimation_keeps_every_peak():
    y = np.zeros(100_003)
    y[[17, 50_000, 100_002]] = [5.0, -7.0, 9.0]
    x, shown = minmax(np.arange(100_003.0), y, 500)
    assert {5.0, -7.0, 9.0} <= set(shown)
    assert np.all(np.diff(x) >= 0)
    low, high = envelope(y.astype(np.float32), 333)
    assert (low.min(), high.max()) == (-7.0, 9.0)
    assert len(low) == 333


def test_bars_say_what_they_show(qtbot):
    bars = Bars("Emotions", ["angry", "happy"], [theme.VERMILION, theme.ORANGE])
    qtbot.addWidget(bars)
    bars.set_values([0.25, 0.75], ease=False)
    assert bars.accessibleName() == "Emotions: angry 25 %, happy 75 %"
    height = bars.sizeHint().height()
    bars.set_values(None)
    assert bars.sizeHint().height() == height
    with pytest.raises(ValueError, match="3 values for 2 bars"):
        bars.set_values([1, 2, 3])


def test_a_drop_zone_is_a_button_too(qtbot, tmp_path):
    zone = DropZone("Drop recordings", ".wav .flac")
    qtbot.addWidget(zone)
    zone.show()
    got, pressed = [], []
    zone.dropped.connect(got.append)
    zone.clicked.connect(lambda: pressed.append(1))
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    copy = Qt.DropAction.CopyAction
    zone.dropEvent(
        QDropEvent(QPointF(5, 5), copy, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    )
    qtbot.keyClick(zone, Qt.Key.Key_Space)
    assert got == [[tmp_path]]
    assert pressed == [1]


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


@pytest.mark.parametrize("fill", [*theme.CATEGORIES, "#FFFFFF", "#000000"])
def test_words_on_a_category_can_be_read(fill):
    assert contrast(theme.ink_on(QColor(fill)), QColor(fill)) >= 4.5


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


def test_the_dock_may_be_opened_where_it_has_no_room(window):
    """A plot of no height once divided by it while it painted, which ends the program."""
    window.dock.set_open(True)
    window.grab()
    assert window.dock.is_open
    assert Axis("left").tickValues(0.0, 1.0, 0.0) == []
    assert Axis("left").tickValues(0.0, 1.0, 100.0)
