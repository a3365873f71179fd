"""Live: the recording, the view, doubt and noise, and the sample in the microphone's place."""

import csv

import numpy as np
import pytest
import soundfile

from app.tabs.emotion.sample_feed import Clip, SampleFeed
from app.tabs.emotion.words import emotion_words
from models.errors import UserError
from tests.gui.emotion.helpers import idle


def test_recording_can_begin_and_end_while_listening(tab, qtbot):
    """Sound and predictions from when it was ticked on, and all of it whole when it is unticked."""
    import time

    from app.audio.recorder import folder
    from app.audio.ring import Ring
    from models.emotion.live import LiveResult

    page = tab.live
    session = page.session
    session.labels = page.sight.labels
    session.begin(page.options.record.isChecked())
    ring = Ring(10.0, 16_000)
    ring.write(np.full(16_000, 0.1, np.float32), time.monotonic())
    session.tick(ring, True)
    assert not page.recording.running
    page.options.record.setChecked(True)
    assert page.recording.running
    now = time.monotonic()
    ring.write(np.full(16_000, 0.2, np.float32), now + 1.0)
    session.tick(ring, True)
    values = np.array([0.1, 0.1, 0.1, 0.7])
    result = LiveResult(now + 1.0, True, 0.9, 1.0, "sad", values, values, 0.01)
    session._judged(result)
    page.options.record.setChecked(False)
    assert not page.recording.running
    assert session.listening
    session.end()
    rows = list(csv.DictReader(next(folder().glob("*.csv")).read_text().splitlines()))
    assert [row["label"] for row in rows] == ["sad"]
    assert float(rows[0]["start_s"]) >= 0
    sound, _ = soundfile.read(next(folder().glob("*.wav")))
    assert len(sound) == pytest.approx(16_000, abs=2_000)
    assert np.abs(sound).max() == pytest.approx(0.2, abs=0.01)


def test_no_class_is_cut_off_where_the_window_is_low(tab, qtbot):
    """Bars come before pictures: these give way, with messages above and the dock below."""
    tab.choice.choose("live")
    window = tab.window()
    window.resize(1024, 700)
    for key in ("a", "b"):
        tab.show_message("warning", "Something to be read here.", heading="And its heading.", key=key)
    window.open_dock(True)
    sight = tab.live.sight
    bars = sight.bars
    assert bars.height() >= bars.minimumSizeHint().height()
    below = sight.timeline.parentWidget()
    assert bars.geometry().bottom() < below.geometry().top()
    assert below.geometry().bottom() <= sight.height()
    assert sight.geometry().bottom() <= tab.live.height()
    whole = sight.mapTo(window, sight.rect().bottomLeft()).y()
    assert whole <= window.height()
    window.open_dock(False)
    tab.clear_messages()
    window.resize(1280, 800)
    qtbot.waitUntil(lambda: sight.pictures.spectrogram.isVisible(), timeout=5_000)


def test_live_tells_what_is_unsure_and_what_is_too_noisy(tab):
    from models.emotion.live import LiveResult
    from models.emotion.session import SessionLog

    tab.choice.choose("live")
    page = tab.live
    values = np.array([0.3, 0.3, 0.0, 0.4])
    result = LiveResult(1.0, True, 0.9, 1.0, "unsure", values, values, 0.01, 0.0, "sad", 4.2)
    page.sight.show_result(result, SessionLog())
    page._show_noise(result.snr_db)
    assert (page.sight.word.text(), page.sight.certainty.text()) == ("unsure", "sad? 40 %")
    assert page.input.words.text() == "SNR 4 dB"
    page._show_noise(23.0)
    assert page.input.words.text() == ""


def test_the_sample_goes_through_the_live_path_with_the_truth_beside_it(tab, qtbot, monkeypatch):
    from app.tabs.emotion import sample_feed

    monkeypatch.setattr(sample_feed, "MOST", 1)
    tab.choice.choose("live")
    live = tab.live
    heard = []
    live.session.judged.connect(heard.append)
    live.try_sample()
    qtbot.waitUntil(lambda: live.session.listening, timeout=60_000)
    truth = live._clips[0].truth
    live._no_microphone(UserError("No microphone was found."))  # that there is none changes nothing
    qtbot.waitUntil(lambda: "acted" in live.sight.truth.text(), timeout=60_000)
    assert emotion_words(truth) in live.sight.truth.text()
    qtbot.waitUntil(lambda: live.input.level.value() > 0, timeout=20_000)
    qtbot.waitUntil(lambda: not live.session.listening and idle(tab), timeout=60_000)
    assert heard
    assert live.session.log.stretches
    assert live._told >= live._agree


def test_what_is_true_of_a_window_is_the_clip_that_fills_most_of_it():
    feed = SampleFeed()
    second = np.ones(16_000, np.float32)
    feed.start([Clip(second, "sad"), Clip(np.tile(second, 2), "happy")])  # from 1 to 2 s, and from 3 to 5 s
    truths = [feed.truth_of(feed._began + end, 1.5) for end in (0.5, 1.5, 2.4, 3.4, 4.0, 9.0)]
    assert truths == ["", "sad", "sad", "happy", "happy", ""]
