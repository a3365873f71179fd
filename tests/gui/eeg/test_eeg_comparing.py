"""Decoding in the EEG tab, and what it is compared with: envelopes, sounds, several talkers, clocks that drift."""

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import Qt

from tests.gui.eeg.helpers import decoded, idle, messages_of, opened, saved


def test_the_sample_is_decoded_and_compared_at_once(tab, qtbot):
    tab.try_sample()
    qtbot.waitUntil(lambda: tab.session.evaluation is not None and idle(tab), timeout=60_000)
    assert tab.recording.part.count() == 30
    assert tab.session.track_comparison.comparison.r > 0.05
    assert len(tab.outcome.decoded.x) == len(tab.outcome.true.x) == 3200
    low, high = tab.outcome.envelope.getViewBox().viewRange()[1]
    for line in (tab.outcome.decoded, tab.outcome.true):  # no peak is cut off
        assert low < line.y.min() < line.y.max() < high
    assert f"r {tab.session.track_comparison.comparison.r:.3f}" in tab.outcome.headline.text()
    assert "once in twenty" in tab.outcome.facts.text()
    assert [row.name for row in tab.scalp.subjects.rows] == ["2", "3", "8"]
    assert "unseen subjects" in tab.scalp.kinds.text()
    assert "which of five stretches of 5 s was heard" in tab.scalp.kinds.text()
    assert ";" not in tab.scalp.kinds.text()
    assert "named" not in tab.scalp.kinds.text()  # of the sample's channels it is known where they lie
    assert np.abs(tab.scalp.map._values).max() == pytest.approx(1)
    assert tab.history.steps.count() == len(tab.session.result.decoding.history.steps)
    assert "decoded 0:50" in tab.services.status("eeg")
    tab.recording.part.setCurrentIndex(14)  # another trial: nothing of the old one is left standing
    assert tab.session.result is None
    assert tab.session.track_comparison is None
    assert not len(tab.outcome.decoded.x)
    decoded(tab, qtbot)
    assert tab.session.track_comparison is not None


def test_without_a_stimulus_the_envelope_is_shown_and_it_is_said(tab, qtbot, tmp_path, sample):
    opened(tab, qtbot, saved(tmp_path, sample, envelope=None))
    decoded(tab, qtbot)
    assert len(tab.outcome.decoded.x) == 3200
    assert not len(tab.outcome.true.x)
    assert "not known what was heard" in messages_of(tab)
    assert not tab.panels.tuning_box.button.isEnabled()
    np.save(tmp_path / "story_envelope.npy", sample["envelope"])
    tab.accept_paths([tmp_path / "story_envelope.npy"])
    qtbot.waitUntil(lambda: tab.session.track_comparison is not None and idle(tab), timeout=30_000)
    assert tab.session.track_comparison.name == "story_envelope"
    assert len(tab.outcome.true.x) == 3200


def test_a_sound_that_was_heard_becomes_its_envelope(tab, qtbot, tmp_path, sample):
    opened(tab, qtbot, saved(tmp_path, sample, envelope=None))
    decoded(tab, qtbot)
    noise = np.random.default_rng(0).normal(size=50 * 8000) * np.repeat(sample["envelope"], 125)
    soundfile.write(tmp_path / "story.wav", 0.1 * noise / np.abs(noise).max(), 8000)
    tab.accept_paths([tmp_path / "story.wav"])
    qtbot.waitUntil(lambda: tab.session.track_comparison is not None and idle(tab), timeout=30_000)
    assert tab.session.track_comparison.name == "story"
    assert len(tab.session.track_comparison.comparison.true) == 3200


def test_which_talker_was_listened_to(tab, qtbot, tmp_path, sample):
    opened(tab, qtbot, saved(tmp_path, sample, trial=22, envelope=None))
    decoded(tab, qtbot)
    other = np.roll(sample["envelope"], 1600)
    for name, values in (("first", other), ("second", sample["envelope"])):
        np.save(tmp_path / f"{name}_envelope.npy", values)
    tab.receive([tmp_path / "first_envelope.npy", tmp_path / "second_envelope.npy"])
    qtbot.waitUntil(lambda: tab.session.talker is not None and idle(tab), timeout=30_000)
    assert tab.choice.current == "listened"
    assert "not known who" in tab.listened.facts.text()
    tab.tracks.know(1)
    qtbot.waitUntil(lambda: tab.session.talker.truth == 1 and idle(tab), timeout=30_000)
    window = tab.session.talker.attention.windows[0]
    assert window.accuracy == pytest.approx((window.chosen == 1).mean())
    assert "95 % band" in tab.listened.facts.text()
    assert tab.session.track_comparison.name == "second_envelope"
    tab.tracks.list.setCurrentRow(0)
    qtbot.keyClick(tab.tracks.list, Qt.Key.Key_Delete)
    qtbot.waitUntil(
        lambda: tab.session.talker is None and tab.session.track_comparison is not None and idle(tab),
        timeout=30_000,
    )
    assert tab.session.track_comparison.name == "second_envelope"


def test_a_made_up_talker_over_all_trials_of_a_subject(tab, qtbot):
    tab.try_sample()
    qtbot.waitUntil(lambda: tab.session.evaluation is not None and idle(tab), timeout=60_000)
    tab.session.try_shifted()
    qtbot.waitUntil(lambda: tab.session.talker is not None and idle(tab), timeout=60_000)
    assert list(tab.session.talker.names) == [track.name for track in tab.session.listed]
    assert tab.session.talker.trials == 10
    assert "10 trials together" in tab.listened.facts.text()
    ten = next(item for item in tab.session.talker.pooled if item.window_s == 10)
    assert len(ten.chosen) == 50
    assert 0.5 < ten.low < ten.accuracy < ten.high <= 1
    tab.session.set_bad(frozenset(tab.session.recording.channel_names[:12]))
    tab.session.decode_again()
    before = tab.session.talker
    qtbot.waitUntil(lambda: tab.session.talker is not before and idle(tab), timeout=60_000)
    after = next(item for item in tab.session.talker.pooled if item.window_s == 10)
    assert not np.array_equal(after.r, ten.r)  # the channels that were marked are mended in every trial


def test_what_is_missing_to_choose_a_talker_is_said(tab, qtbot, tmp_path, sample):
    assert "Two tracks or more" in tab.listened.headline.text()
    for name, values in (("a", sample["envelope"]), ("b", sample["envelope"][::-1])):
        np.save(tmp_path / f"{name}_envelope.npy", values)
    tab.receive([tmp_path / "a_envelope.npy", tmp_path / "b_envelope.npy"])
    qtbot.waitUntil(lambda: tab.tracks.list.count() == 2 and idle(tab), timeout=30_000)
    assert "A recording is needed" in tab.listened.headline.text()
    opened(tab, qtbot, saved(tmp_path, sample, envelope=None))
    assert tab.tracks.list.count() == 2
    assert "Not decoded yet" in tab.listened.headline.text()
    said_meanwhile = []
    tab.session.comparing_changed.connect(lambda: said_meanwhile.append(tab.listened.headline.text()))
    decoded(tab, qtbot)
    assert "Comparing the tracks …" in said_meanwhile
    assert "was listened to: r" in tab.listened.headline.text()
    tab.session.remove_track(1)
    assert "Two tracks or more" in tab.listened.headline.text()


def test_tracks_that_come_before_a_recording_wait_for_it(tab, qtbot, tmp_path, sample):
    np.save(tmp_path / "a_envelope.npy", sample["envelope"])
    np.save(tmp_path / "b_envelope.npy", sample["envelope"][::-1])
    tab.receive([tmp_path / "a_envelope.npy", tmp_path / "b_envelope.npy"])
    qtbot.waitUntil(lambda: len(tab.session.tracks) == 2 and idle(tab), timeout=30_000)
    assert "Open the recording" in messages_of(tab)
    opened(tab, qtbot, saved(tmp_path, sample, envelope=None))
    decoded(tab, qtbot)
    assert tab.session.talker is not None


def test_drift_is_told_and_undone(tab, qtbot, tmp_path, sample):
    shorter = np.interp(np.linspace(0, 3199, 3195), np.arange(3200), sample["envelope"]).astype(np.float32)
    opened(tab, qtbot, saved(tmp_path, sample, envelope=shorter))
    decoded(tab, qtbot)
    assert "a clock drifted" in messages_of(tab)
    tab.settings.stretch.setChecked(True)
    qtbot.waitUntil(
        lambda: len(tab.session.track_comparison.comparison.true) == 3200 and idle(tab), timeout=30_000
    )
    assert "ppm" in messages_of(tab)


def test_an_envelope_of_another_recording_is_doubted(tab, qtbot, tmp_path, sample):
    wrong = np.random.default_rng(5).random(3200).astype(np.float32)
    opened(tab, qtbot, saved(tmp_path, sample, envelope=wrong))
    decoded(tab, qtbot)
    assert tab.session.track_comparison.comparison.p > 0.05
    assert "cannot be told from copies of it with scrambled phases" in messages_of(tab)


def test_a_stimulus_that_begins_later(tab, qtbot, tmp_path, sample):
    eeg = sample["eeg"][22] * np.float32(0.125)
    late = np.concatenate([eeg[-320:], eeg])
    opened(tab, qtbot, saved(tmp_path, sample, eeg=late))
    decoded(tab, qtbot)
    tab.settings.start_s.setValue(5.0)
    qtbot.waitUntil(lambda: tab.session.track_comparison.start_s == 5.0 and idle(tab), timeout=30_000)
    assert len(tab.session.track_comparison.comparison.true) == 3200
    assert tab.outcome.true.x[0] == 5.0
