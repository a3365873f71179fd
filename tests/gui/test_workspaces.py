"""Workspaces: what is open in all tabs as one file, saved, opened again, and refused where it is none."""

import shutil

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QMessageBox

from app import systems
from app.main_window import MainWindow
from app.settings import Key
from app.tabs.base import Tab
from app.workspace import package
from app.workspace.package import Contents
from models.eeg.samples import sample_file
from models.emotion.samples import held_out_clips
from models.progress import Progress
from models.resources import home, resource
from models.separation.samples import sample_mixtures
from tests.gui.sounds import sound


class Holding(Tab):
    """Holds files and a word; cannot take up ``poison``."""

    def __init__(self, services, system):
        super().__init__(services)
        self.system = system
        self.files, self.word, self.down = [], "", False

    def state(self):
        return {"files": self.files, "word": self.word}

    def restore(self, state):
        if state.get("word") == "poison":
            raise TypeError("poison")
        self.word = str(state.get("word", ""))
        self.files = [path for path in state.get("files", []) if path.is_file()]

    def accept_paths(self, paths):
        self.files = paths

    async def shut_down(self):
        self.down = True


@pytest.fixture
def window(services, qtbot, crashes, monkeypatch):
    monkeypatch.setattr(systems.Entry, "make", lambda self, services: Holding(services, self.system))
    made = opened(services, qtbot)
    yield made
    if made.isVisible():
        closed(made, qtbot)
    made.deleteLater()
    assert not crashes


def opened(services, qtbot):
    window = MainWindow(services, "eeg")
    with qtbot.waitSignal(window.filled):
        window.show()
    return window


def closed(window, qtbot):
    with qtbot.waitSignal(window.closed, timeout=5000):
        window.close()


def saved(window, qtbot, path):
    with qtbot.waitSignal(window.workspaces.changed, timeout=5000):
        window.workspaces.save_as(path)
    return path


def take(window, qtbot, path):
    with qtbot.waitSignal(window.workspaces.changed, timeout=5000):
        window.workspaces.open(path)


def headings(window):
    return [message.heading for message in window.current.messages.messages]


def test_what_is_open_in_all_tabs_comes_back_from_the_file(window, services, qtbot, tmp_path):
    mine = sound(tmp_path / "talks" / "a <b>&.wav")
    track = sound(home() / "separated" / "a-1" / "a_speaker1.wav")
    shipped = resource("samples", "eeg", "dtu_3_subjects.npz")
    for name, files in {"emotion": [mine], "separation": [mine, track], "eeg": [shipped]}.items():
        tab = window.show_tab(name)
        tab.files, tab.word = files, f"of {name}"
    path = saved(window, qtbot, tmp_path / "talks" / "one")
    assert path.with_suffix(".polyphony").is_file()
    assert window.windowTitle() == "one – Polyphony"
    with qtbot.waitSignal(window.workspaces.changed):
        window.workspaces.new()
    assert window.windowTitle() == "Polyphony"
    assert window.show_tab("emotion").word == ""
    shutil.rmtree(home() / "separated")
    take(window, qtbot, path.with_suffix(".polyphony"))
    assert window.system == "eeg"
    assert window.show_tab("emotion").files == [mine]
    again = window.show_tab("separation").files
    assert again[0] == mine
    assert again[1].name == track.name
    assert again[1].is_relative_to(home() / "workspaces")
    assert window.show_tab("eeg").files == [shipped]
    assert [action.text() for action in recent(window)] == ["one"]


def recent(window):
    window.menus._list_workspaces()
    return window.menus.workspaces_menu.actions()


def test_files_that_moved_with_the_workspace_are_found(window, qtbot, tmp_path):
    mine = sound(tmp_path / "here" / "in" / "a.wav")
    window.current.files = [mine]
    saved(window, qtbot, tmp_path / "here" / "w.polyphony")
    with qtbot.waitSignal(window.workspaces.changed):
        window.workspaces.new()
    shutil.move(tmp_path / "here", tmp_path / "there")
    take(window, qtbot, tmp_path / "there" / "w.polyphony")
    assert window.current.files == [tmp_path / "there" / "in" / "a.wav"]


def test_missing_files_are_said_stay_named_and_can_be_located(window, qtbot, tmp_path):
    files = [sound(tmp_path / "a" / name) for name in ("x.wav", "y.wav")]
    window.current.files = files
    path = saved(window, qtbot, tmp_path / "w.polyphony")
    shutil.move(tmp_path / "a", tmp_path / "elsewhere")
    with qtbot.waitSignal(window.workspaces.changed):
        window.workspaces.new()
    take(window, qtbot, path)
    qtbot.waitUntil(lambda: headings(window) == ["2 files of this workspace are missing."])
    assert str(files[0]) in window.current.messages.messages[0].text
    with qtbot.waitSignal(window.workspaces.changed):
        window.workspaces.save()
    assert package.read(path, Progress()).states["eeg"]["files"] == files  # still named
    before = window.current
    window.workspaces.locate(files, tmp_path / "elsewhere" / "x.wav")
    qtbot.waitUntil(lambda: window.current not in (before, None))
    assert window.current.files == [tmp_path / "elsewhere" / name for name in ("x.wav", "y.wav")]
    assert before.down


def test_it_is_asked_before_what_was_never_saved_is_closed(window, qtbot, tmp_path, monkeypatch):
    window.current.files = [sound(tmp_path / "a.wav")]
    window.workspaces.new()
    answer(window, "Cancel")
    assert window.current.files
    window.workspaces.new()
    monkeypatch.setattr(
        "app.workspace.workspaces.QFileDialog.getSaveFileName",
        lambda *given: (str(tmp_path / "kept.polyphony"), ""),
    )
    with qtbot.waitSignals([window.workspaces.changed] * 2):  # saved, and begun anew
        answer(window, "Save…")
    assert window.current.files == []
    take(window, qtbot, tmp_path / "kept.polyphony")
    assert window.current.files == [tmp_path / "a.wav"]


def answer(window, words):
    box = next(box for box in window.findChildren(QMessageBox) if box.isVisible())
    next(button for button in box.buttons() if button.text().replace("&", "") == words).click()


def test_what_changed_is_written_by_the_timer_and_at_the_end(window, services, qtbot, tmp_path):
    path = saved(window, qtbot, tmp_path / "w.polyphony")
    window.current.word = "one"
    with qtbot.waitSignal(window.workspaces.changed):
        window.workspaces._timer.timeout.emit()
    assert package.read(path, Progress()).states["eeg"]["word"] == "one"
    window.current.word = "two"
    closed(window, qtbot)
    assert package.read(path, Progress()).states["eeg"]["word"] == "two"
    again = opened(services, qtbot)
    assert again.workspaces.path == path
    assert again.windowTitle() == "w – Polyphony"
    closed(again, qtbot)
    again.deleteLater()


def test_a_file_that_another_program_changed_is_not_written_over(window, qtbot, tmp_path):
    path = saved(window, qtbot, tmp_path / "w.polyphony")
    theirs = Contents("eeg", {"eeg": {"word": "theirs"}})
    package.write(path, theirs, Progress())
    window.current.word = "mine"
    window.workspaces.save()
    qtbot.waitUntil(lambda: headings(window) == ["w.polyphony was changed by another program."])
    assert package.read(path, Progress()).states["eeg"]["word"] == "theirs"
    window.workspaces.open(path)
    answer(window, "Close it all")
    qtbot.waitUntil(lambda: window.current is not None and window.current.word == "theirs")


def test_what_a_tab_cannot_take_up_stays_in_the_file(window, qtbot, tmp_path):
    path = tmp_path / "w.polyphony"
    package.write(path, Contents("eeg", {"eeg": {"word": "poison", "files": []}}), Progress())
    take(window, qtbot, path)
    assert "could not be used" in headings(window)[0]
    with qtbot.waitSignal(window.workspaces.changed):
        window.workspaces.save()
    assert package.read(path, Progress()).states["eeg"]["word"] == "poison"


def test_dropped_on_the_window_or_a_zone_it_is_opened(window, qtbot, tmp_path):
    from app.widgets.drop_zone import DropZone

    path = tmp_path / "w.polyphony"
    zone = DropZone("Drop recordings")
    qtbot.addWidget(zone)
    for number, target in enumerate((window, zone)):
        package.write(path, Contents("eeg", {"eeg": {"word": f"dropped {number}"}}), Progress())
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        copy, no = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
        target.dropEvent(QDropEvent(QPointF(5, 5), copy, data, Qt.MouseButton.LeftButton, no))
        if number:  # the same name, other contents
            answer(window, "Close it all")
        qtbot.waitUntil(lambda: window.current is not None and window.current.word == f"dropped {number}")  # noqa: B023


def test_lists_of_what_a_person_has_are_not_lost_to_another_workspace(window, services, qtbot, tmp_path):
    services.settings.set_plain(
        Key.TABS,
        {"model": "bundled", "models": ["/m/one"], "pages": {"search": {"indexes": [{"path": "/i"}]}}},
        "search",
    )
    package.write(tmp_path / "w.polyphony", Contents("eeg", {"search": {"models": ["/m/two"]}}), Progress())
    take(window, qtbot, tmp_path / "w.polyphony")
    state = services.settings.plain(Key.TABS, "search")
    assert state["models"] == ["/m/two", "/m/one"]
    assert state["pages"]["search"]["indexes"] == [{"path": "/i"}]


def test_a_model_of_the_hub_is_not_fetched_because_a_workspace_names_it(window, services, qtbot, tmp_path):
    foreign = Contents("eeg", {"emotion": {"model": "some/model", "models": ["some/model"]}})
    package.write(tmp_path / "w.polyphony", foreign, Progress())
    take(window, qtbot, tmp_path / "w.polyphony")
    assert services.settings.plain(Key.TABS, "emotion")["model"] == "bundled"
    qtbot.waitUntil(lambda: "not fetched unasked" in " ".join(headings(window)))


def test_the_five_tabs_themselves_come_back(services, qtbot, crashes, tmp_path):
    few = tmp_path / "few.npz"
    np.savez(few, x=np.load(resource("samples", "reverberation", "speech.npz"))["x"][:8])
    window = MainWindow(services, "emotion")
    with qtbot.waitSignal(window.filled):
        window.show()
    opens = {
        "emotion": lambda tab: tab.accept_paths(held_out_clips(tab.models.info())[:1]),
        "separation": lambda tab: tab.start(tab.session.open(sample_mixtures()[0].mixture)),
        "reverberation": lambda tab: tab.accept_paths([few]),
        "eeg": lambda tab: tab.start(tab.session.open(sample_file())),
        "search": lambda tab: tab.search.try_sample(),
    }
    for name, open_something in opens.items():
        open_something(window.show_tab(name))
    quiet(window, qtbot)
    window.page("eeg").session.toggle_bad("Fp1")
    window.page("reverberation").session.toggle_mute("harp")
    window.page("separation").recording.lanes.lanes[0].gain.setValue(-12)
    quiet(window, qtbot)
    before = {name: window.page(name).state() for name in systems.NAMES}
    saved(window, qtbot, tmp_path / "five.polyphony")
    with qtbot.waitSignal(window.workspaces.changed, timeout=20_000):
        window.workspaces.new()
    assert window.show_tab("eeg").session.opened is None
    take(window, qtbot, tmp_path / "five.polyphony")
    for name in systems.NAMES:
        window.show_tab(name)
    quiet(window, qtbot)
    assert {name: window.page(name).state() for name in systems.NAMES} == before
    assert len(window.page("emotion").files.table.rows) == 1
    assert window.page("reverberation").session.observation is not None
    closed(window, qtbot)
    window.deleteLater()
    assert not crashes


def quiet(window, qtbot):
    """Until nothing is computed any more."""

    def at_rest():
        busy = [page.system for page in window.pages() if page.is_busy]
        assert (busy, [task.title for task in window.services.tasks]) == ([], [])

    qtbot.wait(50)
    qtbot.waitUntil(at_rest, timeout=60_000)
