"""Workspaces: what is open in all tabs as one file, saved, opened again, and refused where it is none."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QMessageBox

from app import states, systems
from app.main_window import MainWindow
from app.settings import Key
from app.tabs.base import Tab
from app.workspace import package
from app.workspace.package import Contents
from app.workspace.workspaces import moved_with
from models.eeg.samples import sample_file
from models.emotion.samples import held_out_clips
from models.errors import UserError
from models.progress import Cancelled, Progress
from models.resources import home, resource
from models.separation.samples import sample_mixtures


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


def sound(path, seconds=0.1):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(round(8000 * seconds), np.float32), 8000)
    return path


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


# The file itself ------------------------------------------------------------------------------------------


def described(path, files=(), **values):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("workspace.json", json.dumps({"format": 1, "front": "eeg", "tabs": {}} | values))
        for name, contents, how in files:
            archive.writestr(name, contents, how)
    return path


STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_bytes(b"RIFF, but nothing else"), "damaged"),
        (lambda path: path.write_bytes(b""), "damaged"),
        (lambda path: zipfile.ZipFile(path, "w").close(), "no workspace"),
        (lambda path: described(path, format=2), "newer"),
        (lambda path: described(path, format="1"), "damaged"),
        (lambda path: described(path, tabs=[]), "damaged"),
        (lambda path: described(path, tabs={"eeg": 3}), "damaged"),
        (lambda path: described(path, tabs={"eeg": {"a": {"$kept": "files/1/gone.wav"}}}), "damaged"),
        (lambda path: described(path, tabs={"eeg": {"a": {"$ours": "../../secret"}}}), "damaged"),
        (
            lambda path: described(
                path, [("files/1/../../x", b"x", STORED)], tabs={"eeg": {"a": {"$kept": "files/1/../../x"}}}
            ),
            "damaged",
        ),
        (
            lambda path: described(
                path, [("files/1/x", b"0" * 10**6, DEFLATED)], tabs={"eeg": {"a": {"$kept": "files/1/x"}}}
            ),
            "damaged",
        ),
    ],
)
def test_what_is_no_workspace_is_refused_and_nothing_is_written(make, words, tmp_path):
    path = tmp_path / "w.polyphony"
    make(path)
    with pytest.raises(UserError) as refused:
        package.read(path, Progress())
    assert words in str(refused.value)
    assert not list(package.kept_folder().rglob("*"))
    assert [item.name for item in tmp_path.iterdir() if item != home()] == ["w.polyphony"]


def test_every_cut_of_a_workspace_is_refused(tmp_path):
    track = sound(home() / "separated" / "a" / "t.wav")
    whole = tmp_path / "w.polyphony"
    package.write(whole, Contents("eeg", {"separation": {"tracks": [track]}}), Progress())
    contents = whole.read_bytes()
    for length in range(0, len(contents), 97):
        whole.write_bytes(contents[:length])
        with pytest.raises(UserError):
            package.read(whole, Progress())


def test_a_changed_byte_of_a_result_is_noticed(tmp_path):
    track = sound(home() / "separated" / "a" / "t.wav")
    whole = tmp_path / "w.polyphony"
    package.write(whole, Contents("eeg", {"separation": {"tracks": [track]}}), Progress())
    contents = bytearray(whole.read_bytes())
    contents[contents.index(b"RIFF") + 60] ^= 1
    whole.write_bytes(contents)
    with pytest.raises(UserError, match="damaged"):
        package.read(whole, Progress())
    assert not list(package.kept_folder().rglob("*.wav"))


def test_stopped_or_refused_writing_leaves_the_old_file(tmp_path):
    track = sound(home() / "separated" / "a" / "t.wav")
    path = tmp_path / "w.polyphony"
    package.write(path, Contents("eeg", {"eeg": {"word": "old"}}), Progress())
    stopped = Progress()
    stopped.cancel()
    with pytest.raises(Cancelled):
        package.write(path, Contents("eeg", {"separation": {"tracks": [track]}}), stopped)
    with pytest.raises(UserError):
        package.write(tmp_path / "no" / "w.polyphony", Contents(), Progress())
    assert package.read(path, Progress()).states["eeg"] == {"word": "old"}
    assert [item.name for item in tmp_path.iterdir() if item != home()] == ["w.polyphony"]


def test_results_of_workspaces_that_are_not_open_are_swept(tmp_path):
    track = sound(home() / "separated" / "a" / "t.wav")
    path = tmp_path / "w.polyphony"
    package.write(path, Contents("eeg", {"separation": {"tracks": [track]}}), Progress())
    contents = package.read(path, Progress())
    package.sweep(contents)
    assert contents.missing() == []
    package.sweep(Contents())
    assert contents.missing() == contents.paths()


def test_states_keep_paths_apart_from_words():
    state = {"path": Path("/a/b.wav"), "words": "/a/b.wav", "list": [Path("/c"), 1], "none": None}
    again = states.from_text(states.to_text(state))
    assert again == state
    assert states.paths_in(again) == [Path("/a/b.wav"), Path("/c")]


def test_where_a_file_would_be_if_all_were_moved_together(tmp_path):
    old, new = Path("/old/in/one/x.wav"), tmp_path / "in" / "one" / "x.wav"
    sound(tmp_path / "in" / "two" / "y.wav")
    assert moved_with(Path("/old/in/two/y.wav"), old, new) == tmp_path / "in" / "two" / "y.wav"
    assert moved_with(Path("/other/z.wav"), old, new) == tmp_path / "in" / "one" / "z.wav"


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
