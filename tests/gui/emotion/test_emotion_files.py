"""Files as a person uses them: the sample, own files, broken ones, cancel, a conversation, people."""

import json

import numpy as np
import soundfile
from PySide6.QtCore import Qt

from models.resources import resource
from tests.gui.emotion.helpers import CLIPS, idle, open_files, recognised


def test_the_sample_is_recognised(tab, qtbot):
    tab.choice.choose("files")
    tab.files.try_sample()
    qtbot.waitUntil(lambda: len(recognised(tab)) > 3 and idle(tab), timeout=60_000)
    rows = recognised(tab)
    assert len(rows) == len(tab.files.table.rows)
    table = tab.files.table
    assert table.columnCount() == 8
    assert table.data(table.index(0, 2)) in ("angry", "happy", "neutral", "sad", "unsure")
    qtbot.waitUntil(
        lambda: tab.files.sound.waveform._samples is not None, timeout=10_000
    )  # the first row is shown


def test_broken_files_do_not_stop_the_rest(tab, qtbot, tmp_path):
    good = next(CLIPS.glob("*.flac"))
    (tmp_path / "text.wav").write_text("no sound\n" * 50)
    (tmp_path / "empty.wav").write_bytes(b"")
    soundfile.write(tmp_path / "wide.wav", np.random.default_rng(0).normal(0, 0.1, (96_000, 8)), 192_000)
    open_files(tab, qtbot, [tmp_path / "text.wav", tmp_path / "empty.wav", tmp_path / "wide.wav", good])
    problems = [row.problem for row in tab.files.table.rows if row.problem]
    assert len(problems) == 2
    assert all(problem.strip() for problem in problems)
    table = tab.files.table
    told = [table.data(table.index(number, 2)) for number, row in enumerate(table.rows) if row.problem]
    assert told == ["skipped"] * 2  # a sentence would be cut after the file's name, which stands beside it
    assert len(recognised(tab)) == 2
    assert any(message.level == "warning" for message in tab.messages.messages)


def test_a_folder_without_sound_is_said(tab, qtbot, tmp_path):
    tab.choice.choose("files")
    tab.accept_paths([tmp_path])
    assert tab.messages.messages
    assert not tab.files.table.rows


def test_cancel_keeps_what_is_done(tab, qtbot, tmp_path):
    sound = np.random.default_rng(0).normal(0, 0.1, 16_000 * 120).astype(np.float32)
    soundfile.write(tmp_path / "long.wav", sound, 16_000)
    tab.choice.choose("files")
    tab.accept_paths([next(CLIPS.glob("*.flac")), tmp_path / "long.wav"])
    qtbot.waitUntil(lambda: len(recognised(tab)) == 1, timeout=60_000)
    assert tab.primary.text().startswith("■")
    qtbot.mouseClick(tab.primary, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: idle(tab), timeout=20_000)
    assert len(recognised(tab)) == 1
    assert tab.primary.text() == "Recognise 1 file"


def test_near_silence_is_no_emotion_in_files_either(tab, qtbot, tmp_path):
    """Where nobody speaks there is no word, no certainty, no attention and a hatched line."""
    hush = np.random.default_rng(0).normal(0, 2e-4, 16_000 * 20)
    soundfile.write(tmp_path / "hush.wav", hush, 16_000)
    open_files(tab, qtbot, [tmp_path / "hush.wav"])
    table = tab.files.table
    assert table.data(table.index(0, 2)) == "no speech"
    assert all(table.data(table.index(0, column)) == "" for column in range(3, table.columnCount()))
    qtbot.waitUntil(lambda: bool(tab.files.sound.lines.lines[0].segments()), timeout=10_000)
    assert {label for _start, _end, label in tab.files.sound.lines.lines[0].segments()} == {None}
    assert "no speech" in tab.files.sound.name.whole()
    band = tab.files.sound.waveform._band.image
    assert band is None or not band.any()


def test_what_came_last_is_chosen_and_in_sight(tab, qtbot):
    clips = sorted(CLIPS.glob("*.flac"))
    open_files(tab, qtbot, clips[:20])
    files = tab.files
    files._list.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    open_files(tab, qtbot, [clips[30]])
    qtbot.waitUntil(lambda: clips[30].name in files.sound.name.whole() and files.sound.ready, timeout=10_000)
    index = files._list.currentIndex()
    assert index.siblingAtColumn(0).data() == clips[30].name
    assert files._list.viewport().rect().intersects(files._list.visualRect(index))


def test_tracks_of_a_conversation_land_on_the_first_of_them(tab, qtbot, tmp_path):
    from app.tabs.sent import Conversation, Track

    open_files(tab, qtbot, sorted(CLIPS.glob("*.flac"))[:3])
    paths = [tmp_path / "meeting_a.wav", tmp_path / "meeting_b.wav"]
    for path, clip in zip(paths, sorted(CLIPS.glob("*.flac"))[5:7], strict=True):
        sound, rate = soundfile.read(clip)
        soundfile.write(path, np.resize(sound, 4 * rate), rate)
    tracks = tuple(Track(path, f"Speaker {n}", "#0072B2") for n, path in enumerate(paths, 1))
    tab.receive(Conversation("meeting_30min.wav", tracks, 16_000))
    qtbot.waitUntil(lambda: len(tab.files.sound.lines.lines) == 2 and idle(tab), timeout=60_000)
    assert tab.files._shown_row.path == paths[0]
    assert "Speaker 1" in tab.files.sound.name.whole()
    name = tab.files._list.currentIndex().siblingAtColumn(0)
    tab.window().resize(1280, 800)
    assert name.data() == "Speaker 1 · meeting_30min.wav"
    wide = tab.files._list.fontMetrics().horizontalAdvance("Speaker 1 · mee")
    assert tab.files._list.columnWidth(0) > wide


def test_names_are_shown_as_they_are_written(tab, qtbot, tmp_path):
    """A file called like HTML, and a model whose summary is HTML."""
    import shutil

    name = "<b>own<i>.flac"
    shutil.copyfile(next(CLIPS.glob("*.flac")), tmp_path / name)
    open_files(tab, qtbot, [tmp_path / name])
    table = tab.files.table
    assert table.data(table.index(0, 0)) == name
    shown = table.data(table.index(0, 0), Qt.ItemDataRole.ToolTipRole)
    assert "&lt;b&gt;own" in shown
    place = tmp_path / "model"
    shutil.copytree(resource("checkpoints", "emotion"), place)
    described = json.loads((place / "checkpoint.json").read_text())
    described["summary"] = "<a href='file:///etc'>click</a>"
    (place / "checkpoint.json").write_text(json.dumps(described))
    tab.models.choose(str(place))
    assert "<a href='file" not in tab.models.about.text()


def test_words_are_told_anew_where_another_certainty_is_asked_for(tab, qtbot):
    clips = sorted(CLIPS.glob("13*.flac"))[:2]
    open_files(tab, qtbot, clips)
    table = tab.files.table
    before = [row.prediction.mean_probabilities for row in table.rows]
    tab.live.options.unsure.setValue(100)
    assert [table.data(table.index(row, 2)) for row in range(2)] == ["unsure", "unsure"]
    qtbot.waitUntil(lambda: "? " in tab.files.sound.name.whole(), timeout=10_000)
    tab.live.options.unsure.setValue(0)
    assert "unsure" not in [table.data(table.index(row, 2)) for row in range(2)]
    assert [row.prediction.mean_probabilities for row in table.rows] == before
    assert not tab.options.isHidden()
    assert not tab.live.options.hop.isVisibleTo(tab.live.options)  # of listening, not of files


def test_files_of_one_person_are_put_together(tab, qtbot, tmp_path):
    """By a table's column: who speaks stands beside the word that there would be without knowing them."""
    clips = sorted(CLIPS.glob("13*.flac"))[:2] + sorted(CLIPS.glob("10*.flac"))[:2]
    listed = "".join(f"{clip},{clip.name[:2]}\n" for clip in clips)
    (tmp_path / "who.csv").write_text(f"path,person\n{listed}")
    open_files(tab, qtbot, [tmp_path / "who.csv"])
    table = tab.files.table
    assert tab.files.people.by == "column"
    assert [row.person for row in table.rows] == ["13", "13", "10", "10"]
    assert table.columnCount() == 10
    assert table.data(table.index(0, 8)) == "13"
    assert table.data(table.index(0, 9)) in ("angry", "happy", "neutral", "sad", "unsure")
    assert "2 people" in tab.files.people.outcome.text()
    together = [row.prediction.mean_probabilities for row in table.rows]
    tab.files.people.choose("file")
    qtbot.waitUntil(lambda: not any(row.person for row in table.rows) and idle(tab), timeout=20_000)
    assert table.columnCount() == 8
    alone = [row.prediction.mean_probabilities for row in table.rows]
    assert all(np.abs(a - b).max() > 1e-4 for a, b in zip(together, alone, strict=True))
    tab.files.people.choose("folder")
    qtbot.waitUntil(lambda: all(row.person for row in table.rows) and idle(tab), timeout=20_000)
    assert "1 person" in tab.files.people.outcome.text()
