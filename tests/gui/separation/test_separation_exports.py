"""Stretches and tracks are written, and sent to other tabs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.gui.separation.helpers import RATE, SECONDS, idle, shown, texts


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
    assert [action.isEnabled() for action in actions] == [True, False, True, False]
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
    tab.onward.send_to_emotion()
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
    tab.onward.send_to_eeg()
    assert sent == [("eeg", [talk[0] / "one.wav", talk[0] / "two.wav"])]
