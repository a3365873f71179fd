"""A recording is opened and separated, lanes fill meanwhile, and it can be stopped."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import Qt

from models.separation.results import Remark
from tests.gui.separation.helpers import RATE, SECONDS, idle, opened, shown, texts


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
