"""A folder of recordings becomes a folder of tracks for each."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import Qt

from tests.gui.separation.helpers import RATE, SECONDS, idle, texts


@pytest.fixture
def folder(tmp_path, talk):
    """Three recordings, one of them broken, one below."""
    place = tmp_path / "meetings"
    (place / "monday").mkdir(parents=True)
    for name in ("a.wav", "monday/a.wav"):
        (place / name).write_bytes((talk[0] / "mixture.wav").read_bytes())
    (place / "b.wav").write_text("no sound\n" * 20)
    return place


def rows_of(tab, qtbot, folder):
    tab.accept_paths([folder])
    qtbot.waitUntil(lambda: bool(tab.batch.table.rows) and idle(tab), timeout=20_000)
    return tab.batch.table.rows


def test_a_folder_becomes_folders_of_tracks(tab, qtbot, folder, network, tmp_path):
    rows = rows_of(tab, qtbot, folder)
    assert tab.choice.current == "batch"
    assert tab.primary.text() == "Separate 3 recordings"
    tab.models.choose(str(network))
    qtbot.mouseClick(tab.primary, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: all(row.state in ("done", "problem") for row in rows) and idle(tab), timeout=90_000
    )
    assert [row.state for row in rows] == ["done", "problem", "done"]
    target = tmp_path / "meetings separated"
    files = sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())
    assert files == [
        "a/a_speaker1.wav", "a/a_speaker2.wav", "monday/a/a_speaker1.wav", "monday/a/a_speaker2.wav",
    ]  # fmt: skip
    table = tab.batch.table
    assert "not a sound file" in table.data(table.index(1, 2))
    assert "1 recording could not" in texts(tab)
    tab.batch.save_table(tmp_path / "t.csv")
    lines = list(csv.DictReader((tmp_path / "t.csv").read_text().splitlines()))
    assert [line["state"] for line in lines] == ["done", "problem", "done"]
    assert Path(lines[0]["track_2"]).is_file()
    tab.batch.list.activated.emit(table.index(0, 0))  # a row shows its lanes
    qtbot.waitUntil(lambda: len(tab.recording.lanes.lanes) == 3 and idle(tab), timeout=20_000)
    assert tab.choice.current == "recording"


def test_stopping_a_folder_half_way_leaves_whole_files_only(tab, qtbot, folder, network, tmp_path):
    (folder / "b.wav").unlink()
    sound = 0.1 * np.random.default_rng(0).normal(size=300 * RATE)
    soundfile.write(folder / "monday" / "z.wav", sound, RATE)
    rows = rows_of(tab, qtbot, folder)
    tab.models.choose(str(network))
    tab.settings.window_s.setValue(2.0)
    tab.act()
    last = rows[-1]
    qtbot.waitUntil(lambda: last.state == "running" and tab.batch._following[1].share > 0.1, timeout=90_000)
    tab.stop()
    qtbot.waitUntil(lambda: idle(tab), timeout=20_000)
    assert last.state == "waiting"
    target = tmp_path / "meetings separated"
    files = [path for path in target.rglob("*") if path.is_file()]
    assert len(files) == 4
    assert all(soundfile.info(path).frames == SECONDS * RATE for path in files)
    assert tab.primary.text() == "Separate 1 recording"


def test_a_target_that_cannot_be_written_is_said_in_the_rows(tab, qtbot, folder, network):
    rows = rows_of(tab, qtbot, folder)
    tab.models.choose(str(network))
    tab.batch.set_target(Path("/dev/null/tracks"))
    tab.act()
    qtbot.waitUntil(lambda: all(row.state == "problem" for row in rows) and idle(tab), timeout=60_000)
    assert "cannot be written" in rows[0].problem
    assert "3 recordings could not" in texts(tab)
    assert tab.primary.text() == "Separate again"


def test_a_folder_without_sound_is_said(tab, qtbot, tmp_path):
    tab.accept_paths([tmp_path])
    qtbot.waitUntil(lambda: "no sound files" in texts(tab), timeout=10_000)
    assert not tab.primary.isEnabled()


def test_the_target_can_be_elsewhere_and_lies_outside_what_is_looked_through(tab, qtbot, folder, tmp_path):
    rows = rows_of(tab, qtbot, folder)
    tab.batch.set_target(folder / "out")
    assert rows[0].folder == folder / "out" / "a"
    (folder / "out").mkdir()
    (folder / "out" / "old.wav").write_bytes((folder / "a.wav").read_bytes())
    from app.tabs.separation.batch import _places, _recordings
    from models.progress import Progress

    names = [path.name for path, _length in _recordings([folder], folder / "out", Progress())]
    assert "old.wav" not in names
    twins = [
        folder / "a.wav",
        folder / "a.flac",
        folder / "monday" / "a.wav",
        tmp_path / "elsewhere" / "b.wav",
    ]
    assert _places(twins, folder, tmp_path) == [
        tmp_path / "a", tmp_path / "a 2", tmp_path / "monday" / "a", tmp_path / "b",
    ]  # fmt: skip


def test_the_sample_of_the_folder_page_is_listed_and_its_tracks_lie_apart_from_it(tab, qtbot, own_home):
    tab.choice.choose("batch")
    tab.try_sample()
    qtbot.waitUntil(lambda: len(tab.batch.table.rows) == 3 and not tab.services.tasks)
    assert tab.primary.isEnabled()
    assert tab.batch.target.is_relative_to(own_home)
