"""The separation tab as a person uses it: a recording opened, separated, heard, judged, exported, sent on; folders."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
)

from app import states
from app.widgets import focus
from models.separation.results import Remark, Separated

RATE = 16_000
SECONDS = 6


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A checkpoint of a very small network that was never trained: what it gives is of the right shape."""
    import dataclasses

    import torch

    from models import checkpoint
    from models.separation.network import NetworkConfig, build

    torch.manual_seed(0)
    config = NetworkConfig(filters=16, bottleneck=8, skip=8, hidden=8, blocks=2, repeats=1)
    folder = tmp_path_factory.mktemp("network") / "tiny"
    info = checkpoint.CheckpointInfo(
        system="separation", title="tiny", card="# tiny\n\nfor tests", network=dataclasses.asdict(config),
        preprocessing={"sample_rate": 8000, "loudness_db": -25.0},
    )  # fmt: skip
    checkpoint.save(folder, build(config).state_dict(), info)
    return folder


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """(folder with mixture.wav, one.wav, two.wav; the two sounds): turns of two noises."""
    folder = tmp_path_factory.mktemp("talk")
    time = np.arange(SECONDS * RATE) / RATE
    rng = np.random.default_rng(0)
    one = 0.1 * rng.normal(size=len(time)) * (time % 2 < 1)
    two = 0.06 * np.convolve(rng.normal(size=len(time)), np.ones(4) / 2, "same") * (time % 3 > 1.5)
    for name, sound in (("mixture", one + two), ("one", one), ("two", two)):
        soundfile.write(folder / f"{name}.wav", sound.astype(np.float32), RATE, subtype="FLOAT")
    return folder, (one, two)


@pytest.fixture
def tab(window, qtbot, crashes):
    """The separation tab of a real window; a test that ends in the crash dialog fails."""
    made = window.show_tab("separation")
    yield made
    assert crashes == []


def idle(tab):
    return not tab.is_busy and not tab.services.tasks


def opened(tab, qtbot, path):
    tab.accept_paths([path])
    qtbot.waitUntil(
        lambda: tab.session.outline is not None and tab.session.outline.path == path and idle(tab),
        timeout=20_000,
    )
    return tab.recording.lanes


def shown(tab, qtbot, talk, remarks=()):
    """The lanes with the two true sounds as tracks."""
    folder, _sounds = talk
    separated = Separated(
        folder / "mixture.wav", (folder / "one.wav", folder / "two.wav"), RATE, 1, SECONDS * RATE, 8000,
        (-20.0, -25.0), remarks, 1.0,
    )  # fmt: skip
    tab.start(tab.session.open_separated(folder / "mixture.wav", separated))
    lanes = tab.recording.lanes
    qtbot.waitUntil(
        lambda: len(lanes.lanes) == 3 and lanes.lanes[2].isVisible() and idle(tab), timeout=20_000
    )
    return lanes


def texts(tab):
    return " ".join(f"{message.heading} {message.text}" for message in tab.messages.messages)


# Opening --------------------------------------------------------------------------------------------------


def test_a_recording_is_opened_and_described(tab, qtbot, talk):
    assert not tab.primary.isEnabled()
    lanes = opened(tab, qtbot, talk[0] / "mixture.wav")
    assert [lane.title for lane in lanes.lanes] == ["Mixture"]
    assert lanes.axis.view == (0.0, SECONDS)
    assert "16 kHz" in tab.recording._about.text()
    assert tab.primary.isEnabled()
    assert tab.primary.text() == "Separate"
    assert lanes.gains() == [1.0]


@pytest.mark.parametrize("contents", [b"", b"RIFF and nothing more", b"no sound at all\n" * 20])
def test_what_is_no_recording_is_said(tab, qtbot, tmp_path, contents):
    (tmp_path / "broken.wav").write_bytes(contents)
    tab.accept_paths([tmp_path / "broken.wav"])
    qtbot.waitUntil(
        lambda: any(message.level == "error" for message in tab.messages.messages), timeout=10_000
    )
    assert "broken.wav" in texts(tab)
    assert tab.session.outline is None


def test_a_recording_that_is_clipped_is_said(tab, qtbot, tmp_path):
    sound = np.clip(3 * np.sin(np.arange(RATE) / 20), -1, 1)
    soundfile.write(tmp_path / "loud.wav", sound, RATE)
    opened(tab, qtbot, tmp_path / "loud.wav")
    assert "too loud" in texts(tab)


def test_fifty_milliseconds_can_be_opened_and_separated(tab, qtbot, tmp_path, network):
    soundfile.write(tmp_path / "short.wav", 0.1 * np.random.default_rng(0).normal(size=RATE // 20), RATE)
    opened(tab, qtbot, tmp_path / "short.wav")
    tab.models.choose(str(network))
    tab.act()
    qtbot.waitUntil(lambda: tab.session.separated is not None and idle(tab), timeout=60_000)
    assert len(tab.recording.lanes.lanes) == 3


def test_the_sample_is_separated_and_judged_at_once(tab, qtbot):
    from models.separation.samples import sample_mixtures

    tab.recording.try_sample()
    qtbot.waitUntil(lambda: tab.recording.references.table.filled and idle(tab), timeout=90_000)
    assert "woman and man" in tab.recording._about.text()
    table = tab.recording.references.table.table
    assert {table.item(row, 1).text() for row in range(2)} == {"Speaker 1", "Speaker 2"}
    assert all(
        float(table.item(row, 3).text().replace("−", "-")) > 0 for row in range(2)
    )  # better than the mixture
    tab.recording.try_sample(1)
    second = sample_mixtures()[1].mixture
    qtbot.waitUntil(
        lambda: tab.session.outline.path == second and tab.recording.references.table.filled and idle(tab),
        timeout=90_000,
    )


# Separating -----------------------------------------------------------------------------------------------


def test_separating_gives_a_lane_a_speaker(tab, qtbot, talk, network):
    lanes = opened(tab, qtbot, talk[0] / "mixture.wav")
    tab.models.choose(str(network))
    lanes.axis.show(1.0, 3.0)
    qtbot.mouseClick(tab.primary, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: tab.session.separated is not None and idle(tab), timeout=60_000)
    assert [lane.title for lane in lanes.lanes] == ["Mixture", "Speaker 1", "Speaker 2"]
    assert len({lane.color for lane in lanes.lanes}) == 3
    assert lanes.axis.view == (1.0, 3.0)  # what was looked at is still in view
    assert lanes.gains() == [0.0, 1.0, 1.0]  # else everything would be heard twice
    for track in tab.session.separated.tracks:
        assert soundfile.info(track).frames == SECONDS * RATE
    assert tab.primary.text() == "Separate again"
    assert "8 kHz" in texts(tab)
    assert "real time" in tab.services.status("separation")
    lanes.lanes[1].name.setText("Anna")
    tab.act()
    qtbot.waitUntil(lambda: tab.is_busy)
    qtbot.waitUntil(lambda: idle(tab), timeout=60_000)
    assert [lane.title for lane in lanes.lanes] == ["Mixture", "Anna", "Speaker 2"]  # names stay


def test_stop_leaves_nothing_half_done(tab, qtbot, tmp_path, network):
    sound = 0.1 * np.random.default_rng(0).normal(size=300 * RATE)
    soundfile.write(tmp_path / "long.wav", sound, RATE)
    opened(tab, qtbot, tmp_path / "long.wav")
    tab.models.choose(str(network))
    tab.settings.window_s.setValue(2.0)
    qtbot.mouseClick(tab.primary, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: any(task.step.fraction > 0.1 for task in tab.services.tasks), timeout=60_000)
    assert tab.primary.text().startswith("■")
    qtbot.mouseClick(tab.primary, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: idle(tab), timeout=20_000)
    assert tab.session.separated is None
    assert len(tab.recording.lanes.lanes) == 1
    from app.tabs.separation.work import folder_of

    assert not folder_of(tmp_path / "long.wav").exists()
    assert "Stopped" in texts(tab)


def test_another_recording_opened_meanwhile_is_the_one_that_is_shown(tab, qtbot, talk, tmp_path, network):
    sound = 0.1 * np.random.default_rng(0).normal(size=300 * RATE)
    soundfile.write(tmp_path / "long.wav", sound, RATE)
    lanes = opened(tab, qtbot, tmp_path / "long.wav")
    tab.models.choose(str(network))
    tab.settings.window_s.setValue(2.0)
    tab.act()
    qtbot.waitUntil(lambda: any(task.step.fraction > 0.1 for task in tab.services.tasks), timeout=60_000)
    opened(tab, qtbot, talk[0] / "mixture.wav")
    assert [lane.path.name for lane in lanes.lanes] == ["mixture.wav"]
    assert tab.session.separated is None
    assert "Stopped" not in texts(tab)


def test_remarks_are_shown(tab, qtbot, talk):
    shown(tab, qtbot, talk, (Remark("Track {track} is near silence.", track=2),))
    assert "Track 2 is near silence." in texts(tab)


def test_a_checkpoint_that_is_gone_is_said(tab, qtbot, talk, tmp_path):
    opened(tab, qtbot, talk[0] / "mixture.wav")
    tab.models.choose(str(tmp_path / "gone"))
    tab.act()
    qtbot.waitUntil(
        lambda: any(message.level == "error" for message in tab.messages.messages), timeout=30_000
    )
    assert idle(tab)


# Listening ------------------------------------------------------------------------------------------------


def test_mute_solo_and_gain_say_what_is_heard(tab, qtbot, talk):
    lanes = shown(tab, qtbot, talk)
    mixture, one, two = lanes.lanes
    assert lanes.gains() == [0.0, 1.0, 1.0]
    qtbot.mouseClick(one.mute, Qt.MouseButton.LeftButton)
    assert lanes.gains() == [0.0, 0.0, 1.0]
    qtbot.mouseClick(one.solo, Qt.MouseButton.LeftButton)
    assert lanes.gains() == [0.0, 1.0, 0.0]  # solo wins over mute
    qtbot.mouseClick(two.solo, Qt.MouseButton.LeftButton)
    assert lanes.gains() == [0.0, 1.0, 1.0]
    two.gain.setValue(-12)
    assert lanes.gains()[2] == pytest.approx(10 ** (-6 / 20))
    assert two._gain_words.text() == "−6.0 dB"
    qtbot.mouseDClick(two.gain, Qt.MouseButton.LeftButton)
    assert two.gain_db == 0.0
    assert mixture.canvas._dimmed
    assert not one.canvas._dimmed


def test_the_keyboard_does_all_of_it(tab, qtbot, talk, monkeypatch):
    lanes = shown(tab, qtbot, talk)
    played = []
    monkeypatch.setattr(lanes, "toggle_play", lambda: played.append("play"))
    lanes.setFocus()
    keys = Qt.Key
    qtbot.keyClick(lanes, keys.Key_1)
    assert lanes.gains() == [0.0, 1.0, 0.0]
    qtbot.keyClick(lanes, keys.Key_2)
    assert lanes.gains() == [0.0, 0.0, 1.0]
    qtbot.keyClick(lanes, keys.Key_0)
    assert lanes.gains() == [1.0, 0.0, 0.0]
    qtbot.keyClick(lanes, keys.Key_0)
    assert lanes.gains() == [0.0, 1.0, 1.0]
    qtbot.keyClick(lanes, keys.Key_9)  # there is no ninth
    assert lanes.gains() == [0.0, 1.0, 1.0]
    qtbot.keyClick(lanes, keys.Key_Down)
    qtbot.keyClick(lanes, keys.Key_M)
    assert lanes.gains() == [0.0, 0.0, 1.0]
    qtbot.keyClick(lanes, keys.Key_Right)
    qtbot.keyClick(lanes, keys.Key_Right)
    assert lanes.axis.head_s == pytest.approx(2.0)
    qtbot.keyClick(lanes, keys.Key_BracketLeft)
    qtbot.keyClick(lanes, keys.Key_Right)
    qtbot.keyClick(lanes, keys.Key_BracketRight)
    assert lanes.axis.region == (pytest.approx(2.0), pytest.approx(3.0))
    qtbot.keyClick(lanes, keys.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert lanes.axis.head_s == 0.0
    qtbot.keyClick(lanes, keys.Key_Plus)
    assert lanes.axis.span_s == pytest.approx(SECONDS / 2)
    qtbot.keyClick(lanes, keys.Key_Minus)
    assert lanes.axis.span_s == pytest.approx(SECONDS)
    qtbot.keyClick(lanes, keys.Key_Escape)
    assert lanes.axis.region is None
    qtbot.keyClick(lanes, keys.Key_Space)
    assert played == ["play"]
    tab.primary.setFocus()
    qtbot.keyClick(tab.primary, keys.Key_1)  # from wherever the focus is
    assert lanes.gains() == [0.0, 1.0, 0.0]
    assert played == ["play"]


def test_typing_a_name_is_no_command(tab, qtbot, talk):
    lanes = shown(tab, qtbot, talk)
    name = lanes.lanes[1].name
    name.setFocus()
    name.selectAll()
    qtbot.keyClicks(name, "Mia 1")
    qtbot.keyClick(name, Qt.Key.Key_Return)
    assert lanes.lanes[1].title == "Mia 1"
    assert lanes.gains() == [0.0, 1.0, 1.0]
    name.clear()
    qtbot.keyClick(name, Qt.Key.Key_Return)
    assert lanes.lanes[1].title == "Speaker 1"


def test_a_click_moves_the_head_and_a_drag_chooses_for_all_lanes(tab, qtbot, talk):
    lanes = shown(tab, qtbot, talk)
    canvas = lanes.lanes[1].canvas
    place = QPoint(canvas.width() // 2, 30)
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=place)
    assert lanes.axis.head_s == pytest.approx(SECONDS / 2, abs=0.02)
    assert lanes.transport.place.text().startswith("0:03.0")
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseMove(canvas, QPoint(canvas.width() // 4, 30))
    qtbot.mouseMove(canvas, QPoint(canvas.width() // 4 - 1, 30))
    QApplication.processEvents()
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(canvas.width() // 4, 30))
    assert lanes.axis.region == (pytest.approx(SECONDS / 4, abs=0.05), pytest.approx(SECONDS / 2, abs=0.05))
    assert "1.5" in lanes.transport.region.whole()


def test_nearer_than_the_outline_every_lane_reads_its_file(tab, qtbot, talk):
    lanes = shown(tab, qtbot, talk)
    lanes.axis.show(1.0, 1.05)
    qtbot.waitUntil(lambda: all(lane.canvas._detail is not None for lane in lanes.lanes), timeout=10_000)
    assert all(lane.canvas._detail.covers(1.0, 1.05) for lane in lanes.lanes)
    lanes.set_mode("both")
    assert lanes.transport.modes.current == "both"


# Judging --------------------------------------------------------------------------------------------------


def test_references_are_matched_with_their_tracks(tab, qtbot, talk, tmp_path):
    shown(tab, qtbot, talk)
    folder, _sounds = talk
    tab.recording.references.add([folder / "two.wav", folder / "one.wav"])
    qtbot.waitUntil(lambda: tab.recording.references.table.filled and idle(tab), timeout=60_000)
    table = tab.recording.references.table.table
    assert [table.item(row, 1).text() for row in range(2)] == ["Speaker 2", "Speaker 1"]
    assert float(table.item(0, 2).text()) > 50
    assert tab.recording.references.table.isVisible()
    tab.recording.exports.write_scores(tmp_path / "s.csv")
    rows = list(csv.DictReader((tmp_path / "s.csv").read_text().splitlines()))
    assert [row["track"] for row in rows] == ["Speaker 2", "Speaker 1"]
    assert float(rows[0]["si_sdr"]) > 50
    tab.recording.lanes.lanes[1].name.setText("Anna")
    tab.recording.lanes.lanes[1].name.editingFinished.emit()
    assert table.item(1, 1).text() == "Anna"


def test_a_reference_of_another_length_is_refused(tab, qtbot, talk, tmp_path):
    shown(tab, qtbot, talk)
    soundfile.write(tmp_path / "other.wav", np.zeros(RATE), RATE)
    tab.recording.references.add([tmp_path / "other.wav"])
    qtbot.waitUntil(lambda: "not as long" in texts(tab), timeout=30_000)
    assert not tab.session.references
    assert not tab.recording.references.table.isVisible()


def test_references_given_first_wait_for_the_tracks(tab, qtbot, talk):
    opened(tab, qtbot, talk[0] / "mixture.wav")
    tab.recording.references.add([talk[0] / "one.wav"])
    assert "as soon as" in texts(tab)


# Exporting and sending ------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_stretch_of_a_lane_is_exported_to_the_sample(tab, qtbot, talk, tmp_path, suffix):
    lanes = shown(tab, qtbot, talk)
    lanes.axis.set_region((1.25, 2.5))
    target = tmp_path / f"out.{suffix}"
    tab.recording.exports.write_lanes([lanes.lanes[1].path], [target], lanes.axis.region)
    qtbot.waitUntil(lambda: target.exists() and idle(tab), timeout=10_000)
    got, rate = soundfile.read(target)
    assert rate == RATE
    assert np.allclose(got, talk[1][0][round(1.25 * RATE) : round(2.5 * RATE)], atol=1e-6)
    assert "1 file was written" in texts(tab)


def test_all_tracks_are_exported_under_their_names(tab, qtbot, talk, tmp_path):
    lanes = shown(tab, qtbot, talk)
    lanes.lanes[1].name.setText("Anna / 2")
    lanes.lanes[2].name.setText("Anna / 2")
    actions = tab.export_actions()
    assert [action.isEnabled() for action in actions] == [True, False, False]
    tab.settings.container.setCurrentIndex(1)
    tab.recording.exports.write_tracks(tmp_path / "out")
    qtbot.waitUntil(lambda: "2 files were written" in texts(tab), timeout=10_000)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["mixture_Anna _ 2.flac", "mixture_Anna _ 2_2.flac"]


def test_a_place_that_cannot_be_written_is_said(tab, qtbot, talk):
    lanes = shown(tab, qtbot, talk)
    tab.recording.exports.write_lanes([lanes.lanes[1].path], [Path("/dev/null/out.wav")], None)
    qtbot.waitUntil(
        lambda: any(message.level == "error" for message in tab.messages.messages), timeout=10_000
    )
    tab.clear_messages()
    tab.recording.exports.write_picture(1, Path("/dev/null/out.svg"))
    assert any(message.level == "error" for message in tab.messages.messages)


@pytest.fixture(scope="module")
def conversation(tmp_path_factory):
    """As `talk`, of two people of whom each speaks while the other is silent."""
    from models import audio
    from models.resources import resource

    folder = tmp_path_factory.mktemp("conversation")
    clips = sorted(resource("samples", "emotion", "audio").glob("*.flac"))
    sounds = []
    for number, clip in enumerate((clips[0], clips[-1])):
        said = np.resize(audio.read(clip), SECONDS * RATE // 2)
        quiet = np.zeros_like(said)
        sounds.append(np.concatenate([quiet, said] if number else [said, quiet]))
    for name, sound in (("mixture", sum(sounds)), ("one", sounds[0]), ("two", sounds[1])):
        soundfile.write(folder / f"{name}.wav", sound, RATE, subtype="FLOAT")
    return folder, tuple(sounds)


def test_the_emotion_tab_gets_a_time_line_for_each_speaker(tab, window, qtbot, conversation):
    lanes = shown(tab, qtbot, conversation)
    lanes.lanes[1].name.setText("Anna")
    tab.send_to_emotion()
    emotion = window.current
    assert emotion.system == "emotion"
    files = emotion.files
    qtbot.waitUntil(
        lambda: sum(row.prediction is not None for row in files.table.rows) == 2 and idle(emotion),
        timeout=60_000,
    )
    qtbot.waitUntil(lambda: len(files.sound.lines.lines) == 2, timeout=20_000)
    assert [row.name for row in files.table.rows] == ["Anna · mixture.wav", "Speaker 2 · mixture.wav"]
    heard = [{label for _start, _end, label in line.segments()} for line in files.sound.lines.lines]
    assert all(
        None in labels and len(labels) > 1 for labels in heard
    )  # each is silent while they say nothing
    assert "4 kHz" in texts(emotion)
    ends = [line.segments()[-1][1] for line in files.sound.lines.lines]
    assert ends == [pytest.approx(SECONDS), pytest.approx(SECONDS)]


def test_the_eeg_tab_gets_the_tracks(tab, qtbot, talk):
    shown(tab, qtbot, talk)
    sent = []
    tab.services.sent.disconnect()
    tab.services.sent.connect(lambda system, payload: sent.append((system, payload)))
    tab.send_to_eeg()
    assert sent == [("eeg", [talk[0] / "one.wav", talk[0] / "two.wav"])]


# Folders --------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, talk):
    """Three recordings, one of them broken, one below."""
    place = tmp_path / "meetings"
    (place / "monday").mkdir(parents=True)
    for name in ("a.wav", "monday/a.wav"):
        (place / name).write_bytes((talk[0] / "mixture.wav").read_bytes())
    (place / "b.wav").write_text("no sound\n" * 20)
    return place


def found(tab, qtbot, folder):
    tab.accept_paths([folder])
    qtbot.waitUntil(lambda: bool(tab.batch.table.rows) and idle(tab), timeout=20_000)
    return tab.batch.table.rows


def test_a_folder_becomes_folders_of_tracks(tab, qtbot, folder, network, tmp_path):
    rows = found(tab, qtbot, folder)
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
    rows = found(tab, qtbot, folder)
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
    rows = found(tab, qtbot, folder)
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
    rows = found(tab, qtbot, folder)
    tab.batch.set_target(folder / "out")
    assert rows[0].folder == folder / "out" / "a"
    (folder / "out").mkdir()
    (folder / "out" / "old.wav").write_bytes((folder / "a.wav").read_bytes())
    from app.tabs.separation.batch import _found, _places
    from models.progress import Progress

    names = [path.name for path, _length in _found([folder], folder / "out", Progress())]
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


# The rest -------------------------------------------------------------------------------------------------


def test_state_comes_back(tab, qtbot, talk):
    lanes = shown(tab, qtbot, talk)
    lanes.lanes[2].name.setText("Ben")
    lanes.set_mode("both")
    lanes.axis.show(1.0, 2.0)
    tab.settings.container.setCurrentIndex(1)
    tab.settings.augmentation.setCurrentIndex(3)
    state = states.from_text(states.to_text(tab.state()))
    opened(tab, qtbot, talk[0] / "one.wav")
    lanes.set_mode("waveform")
    tab.settings.augmentation.setCurrentIndex(0)
    tab.restore(state)
    qtbot.waitUntil(lambda: len(lanes.lanes) == 3 and lanes.axis.span_s == pytest.approx(1.0), timeout=20_000)
    assert [lane.title for lane in lanes.lanes] == ["Mixture", "Speaker 1", "Ben"]
    assert lanes.mode == "both"
    assert tab.settings.options().container == "flac"
    assert tab.settings.options().test_time_augmentation == 8
    qtbot.waitUntil(lambda: idle(tab), timeout=10_000)
    tab.restore(
        {
            "page": 3,
            "models": 4,
            "settings": [],
            "pages": {"recording": {"path": 7, "tracks": "x"}},
        }
    )
    tab.restore({"settings": {"test_time_augmentation": True}})
    assert tab.settings.options().test_time_augmentation == 8


def test_the_best_checkpoint_of_a_run_comes_into_the_tab(tab, qtbot, network):
    tab.services.training.use_checkpoint.emit("separation", network)
    qtbot.waitUntil(lambda: tab.models.choice == str(network), timeout=5_000)
    tab.models.card_button.click()
    assert "for tests" in tab._card.toPlainText()


def test_everything_has_a_name_for_screen_readers(tab, qtbot, talk):
    shown(tab, qtbot, talk)
    for page in ("recording", "batch"):
        tab.choice.choose(page)
        for kind in (QAbstractButton, QComboBox, QAbstractSpinBox, QAbstractSlider, QLineEdit):
            for widget in tab.findChildren(kind):
                if widget.isVisibleTo(tab) and widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
                    named = widget.accessibleName() or getattr(widget, "text", lambda: "")()
                    inside = isinstance(widget.parent(), QAbstractSpinBox)
                    assert named or inside, f"{page}: {widget}"


def test_the_keyboard_reaches_the_controls_in_reading_order(tab, qtbot, talk):
    lanes = shown(tab, qtbot, talk)
    stops = list(focus.stops_in(tab))
    order = [tab.models.box, tab.primary, lanes.lanes[1].mute, lanes.lanes[1].solo, lanes.lanes[2].mute]
    places = [stops.index(one) for one in [*order, lanes.transport.play]]
    assert places == sorted(places)


# While it separates, and after ----------------------------------------------------------------------------


def test_space_plays_after_separating(tab, qtbot, talk, network):
    """The button had the focus when it was pressed; Space there would separate once more."""
    lanes = opened(tab, qtbot, talk[0] / "mixture.wav")
    tab.models.choose(str(network))
    tab.primary.setFocus()
    qtbot.keyClick(tab.primary, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: tab.session.separated is not None and idle(tab), timeout=60_000)
    assert tab.window().focusWidget() is lanes
    played = []
    lanes.toggle_play = lambda: played.append(True)
    qtbot.keyClick(tab.window().focusWidget(), Qt.Key.Key_Space)
    assert played == [True]
    assert not tab.is_busy


def test_lanes_fill_while_it_separates(tab, qtbot, tmp_path, network, monkeypatch):
    """What is separated already is drawn; only the mixture can be heard, muted or exported until it is whole."""
    monkeypatch.setattr("app.tabs.separation.filling.TOLD_EVERY_S", 0.0)
    sound = 0.1 * np.random.default_rng(0).normal(size=90 * RATE)
    soundfile.write(tmp_path / "long.wav", sound, RATE)
    lanes = opened(tab, qtbot, tmp_path / "long.wav")
    tab.models.choose(str(network))
    seen = []
    show = lanes.show_filling

    def watched(mixture, tracks):
        show(mixture, tracks)
        lane = lanes.lanes[1]
        seen.append((tracks[0].outline.duration_s, lane.solo.isEnabled(), lanes.gains()))

    monkeypatch.setattr(lanes, "show_filling", watched)
    tab.act()
    qtbot.waitUntil(lambda: tab.session.separated is not None and idle(tab), timeout=90_000)
    lengths = [length for length, _solo, _gains in seen]
    assert len(lengths) > 3
    assert lengths == sorted(lengths)
    assert 0 < lengths[0] < 45
    assert not any(solo for _length, solo, _gains in seen)
    assert {tuple(gains) for _length, _solo, gains in seen} == {(1.0,)}
    assert len(lanes.lanes) == 3
    assert all(lane.solo.isEnabled() for lane in lanes.lanes)


def test_a_separation_that_is_stopped_leaves_what_was_there(tab, qtbot, tmp_path, network):
    soundfile.write(tmp_path / "long.wav", 0.1 * np.random.default_rng(0).normal(size=120 * RATE), RATE)
    lanes = opened(tab, qtbot, tmp_path / "long.wav")
    tab.models.choose(str(network))
    tab.act()
    qtbot.waitUntil(lambda: len(lanes.lanes) == 3, timeout=60_000)
    tab.stop()
    qtbot.waitUntil(lambda: idle(tab), timeout=30_000)
    assert [lane.title for lane in lanes.lanes] == ["Mixture"]
    assert "Stopped" in texts(tab)


def test_the_oldest_tracks_go_beyond_the_limit(own_home, tmp_path):
    import os

    from app.tabs.separation import kept

    for age, name in enumerate(("new", "middle", "old")):
        folder = kept.place() / name
        folder.mkdir(parents=True)
        (folder / "track.wav").write_bytes(bytes(1000))
        for path in (folder / "track.wav", folder):
            os.utime(path, (2e9 - 1000 * age, 2e9 - 1000 * age))
    left = kept.place() / "new" / f"{kept.UNFINISHED}x"
    left.mkdir()
    os.utime(left, (1e9, 1e9))
    assert [one.folder.name for one in kept.listed()] == ["old", "middle", "new"]
    assert kept.make_room(2500, spared=[kept.place() / "old"]) == 1000
    assert sorted(path.name for path in kept.place().iterdir()) == ["new", "old"]
    assert not left.exists()
    assert kept.bytes_kept() == 2000


def test_kept_tracks_are_told_and_removed_but_for_those_in_use(tab, qtbot, talk, network):
    from app.tabs.separation import kept

    old = kept.place() / "another"
    old.mkdir(parents=True)
    (old / "track.wav").write_bytes(bytes(5_000_000))
    opened(tab, qtbot, talk[0] / "mixture.wav")
    tab.models.choose(str(network))
    tab.act()
    qtbot.waitUntil(lambda: tab.session.separated is not None and idle(tab), timeout=60_000)
    tab.options.set_open(True)
    qtbot.waitUntil(lambda: " MB of tracks in " in tab.kept.about.whole(), timeout=10_000)
    tab.kept.remove_all()
    qtbot.waitUntil(lambda: not old.exists(), timeout=10_000)
    assert all(track.is_file() for track in tab.session.separated.tracks)
