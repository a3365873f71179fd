"""The file of a workspace: refused where it is damaged or none, written whole, its paths apart from its words."""

import json
import zipfile
from pathlib import Path

import pytest

from app import states
from app.workspace import package
from app.workspace.package import Contents
from app.workspace.workspaces import moved_with
from models.errors import UserError
from models.progress import Cancelled, Progress
from models.resources import home
from tests.gui.sounds import sound


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
