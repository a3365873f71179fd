"""The Live page as a person uses it, with the player in place of an amplifier: found, decoded, taken over, cut, recorded."""

import numpy as np
import pytest

from models.eeg.live import player
from models.eeg.recordings import BIOSEMI64
from tests.lsl import alone
from tests.models.eeg.test_eeg_streaming import listener

alone()


def said(tab):
    return " ".join(f"{message.heading} {message.text}" for message in tab.messages.messages)


@pytest.fixture
def live(window, qtbot, crashes):
    tab = window.show_tab("eeg")
    tab.choice.choose("live")
    yield tab.live
    tab.live.stop()
    qtbot.waitUntil(lambda: tab.live.session.run is None and not tab.is_busy, timeout=20_000)
    tab.live.session.end_player()
    assert crashes == []


def test_a_session_with_streams(live, qtbot):
    from models.eeg.decoder import Decoder

    tab, session = live.tab, live.session
    assert tab.browser.isHidden()
    assert not live.ready()
    eeg, envelopes = listener(Decoder.load("bundled-ridge", "cpu"), 120, strength=8.0)
    played = player.Played(eeg, BIOSEMI64, 64.0, envelopes, 64, ("left", "right"))
    tab.start(session.stream(played))
    qtbot.waitUntil(live.ready, timeout=30_000)
    assert "Polyphony EEG · 64 channels · 64 Hz" in live.eeg.currentText()
    live.window_s.setCurrentIndex(0)
    live.record.setChecked(True)
    live.act()
    qtbot.waitUntil(lambda: live.traces.shown_columns() is not None)
    assert np.isnan(
        live.traces.shown_columns()[0][0]
    ).all()  # nothing has come yet: no line, and no part in the scale
    qtbot.waitUntil(lambda: session.followed == 0, timeout=60_000)
    assert "left" in live.headline.text()
    assert live.front.text() == "In front: left"
    assert live.traces.shown_columns() is not None
    assert "of 64 Hz" in live.health.whole()
    assert "1.25 s" in live.facts.text()

    session.swap()
    swapped_s = session.attention.time_s  # in the stream's own time, which a busy machine does not stretch
    qtbot.waitUntil(lambda: "right" in live.headline.text(), timeout=40_000)
    assert (
        session.attention.time_s - swapped_s <= 5.0 + session.delay_s + 2.0
    )  # a window, what is said later, the step
    qtbot.waitUntil(lambda: session.followed == 1, timeout=40_000)
    assert (
        session.attention.time_s - swapped_s <= 5.0 + session.delay_s + 2.0 + 5.0
    )  # the hold, and until it is sure

    session.player.cut()
    qtbot.waitUntil(lambda: len(session.lost) == 2, timeout=20_000)
    qtbot.waitUntil(lambda: "Nothing comes from" in said(tab), timeout=5_000)
    session.player.mend()
    qtbot.waitUntil(lambda: not session.lost, timeout=40_000)

    live.stop()
    qtbot.waitUntil(lambda: session.run is None and not tab.is_busy, timeout=20_000)
    qtbot.waitUntil(lambda: "Recorded as" in said(tab), timeout=5_000)
    path = next((tab.services.settings.runs_folder / "recordings").glob("live *.xdf"))
    assert path.name in said(tab)
    live._reopen(path)
    qtbot.waitUntil(lambda: tab.session.opened is not None and not tab.services.tasks, timeout=30_000)
    assert tab.session.recording.channel_names == BIOSEMI64
    assert tab.session.recording.duration_s > 10
    assert not tab.browser.isHidden()


def test_nothing_is_there(live, qtbot):
    live.look.click()
    qtbot.waitUntil(lambda: not live.tab.services.tasks, timeout=20_000)
    assert live.sound.count() >= 1
    live.bypass.toggle()
    assert live.session.bypass
    state = live.state()
    live.window_s.setCurrentIndex(2)
    live.restore(state)
    assert live.window_s.currentData() == 10.0
