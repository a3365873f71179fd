"""What Files gives away: the table, labels of other programs, frames for another tab."""

import csv

import pytest

from tests.gui.emotion.helpers import CLIPS, idle, open_files


def test_export_is_the_table_of_the_command_line(tab, qtbot, tmp_path):
    from models.cli import main

    clips = sorted(CLIPS.glob("13*.flac"))[:2]
    open_files(tab, qtbot, clips)
    tab.files.save_table(tmp_path / "window.csv")
    assert main(["use", "emotion", *map(str, clips), "--out", str(tmp_path / "terminal.csv"), "--quiet"]) == 0
    window, terminal = ((tmp_path / name).read_text() for name in ("window.csv", "terminal.csv"))
    a, b = (list(csv.DictReader(text.splitlines())) for text in (window, terminal))
    assert [(row["path"], row["label"]) for row in a] == [(row["path"], row["label"]) for row in b]
    assert float(a[0]["p_angry"]) == pytest.approx(float(b[0]["p_angry"]), abs=1e-5)


def test_export_to_a_place_that_cannot_be_written(tab, qtbot):
    from pathlib import Path

    open_files(tab, qtbot, [next(CLIPS.glob("*.flac"))])
    tab.files.save_table(Path("/dev/null/o.csv"))
    assert any(message.level == "error" for message in tab.messages.messages)


def test_the_shown_recording_is_exported_as_labels(tab, qtbot, tmp_path):
    open_files(tab, qtbot, [next(CLIPS.glob("*.flac"))])
    for ending, words in ((".txt", "\t"), (".rttm", "EMOTION"), (".eaf", "ANNOTATION_VALUE")):
        tab.files.save_table(tmp_path / f"o{ending}")
        assert words in (tmp_path / f"o{ending}").read_text("utf-8")
    assert all(action.isEnabled() for action in tab.export_actions())


def test_frames_go_to_reverberationnet(tab, window, qtbot):
    open_files(tab, qtbot, [next(CLIPS.glob("*.flac"))])
    tab.files._list.selectRow(0)
    menu = tab.files.make_menu()
    send = next(action for action in menu.actions() if "ReverberationNet" in action.text())
    assert send.isEnabled()
    send.trigger()
    qtbot.waitUntil(lambda: window.current.system == "reverberation", timeout=30_000)
    there = window.current
    qtbot.waitUntil(lambda: there.session.observation is not None and idle(there), timeout=60_000)
    assert there.session.sequences.x[0].shape == (32, 64)
    assert there.session.observation.target is not None
    menu.deleteLater()
