"""A person who has no amplifier: the player's streams are found, decoded, taken over, cut, recorded, opened again.

The real window, started by the test in a process of its own. Tells JSON lines. Every step waits for what is to be seen;
times are those of the stream itself, which a busy machine does not stretch.
"""

import threading

from PySide6.QtWidgets import QPushButton

from app import i18n, theme
from app.main_window import MainWindow
from app.services import Services
from models.eeg.decoder import Decoder
from models.eeg.live.player import Played
from models.eeg.recordings import BIOSEMI64
from tests.desktop.acting import run, tell, until
from tests.models.eeg.test_eeg_streaming import listener

PLAYED_S = 180
STRENGTH = 8.0  # of the response in the EEG, so that the way is tested, not how well people can be decoded


def said(tab):
    return " ".join(f"{message.heading} {message.text}" for message in tab.messages.messages)


def button(parent, words):
    return next(item for item in parent.findChildren(QPushButton) if item.text() == words)


async def stream(tab):
    """Found, opened, seen."""
    live = tab.live
    tab.choice.choose("live")
    eeg, envelopes = listener(Decoder.load("bundled-ridge", "cpu"), PLAYED_S, strength=STRENGTH)
    tab.start(live.session.stream(Played(eeg, BIOSEMI64, 64.0, envelopes, 64, ("left", "right"))))
    await until(live.ready)
    live.window_s.setCurrentIndex(0)
    live.record.setChecked(True)
    tab.primary.click()
    await until(lambda: live.session.running and live.traces.shown_columns() is not None)
    tell(found=live.eeg.currentText(), channels=len(live.traces.names))


async def take_over(live):
    """The other talker is listened to from a known moment on."""
    await until(lambda: live.session.followed == 0)
    tell(listens=live.headline.text())
    live.swap.click()
    swapped_s = live.session.attention.time_s
    await until(lambda: "right" in live.headline.text())
    seen_s = live.session.attention.time_s - swapped_s
    await until(lambda: live.session.followed == 1)
    heard_s = live.session.attention.time_s - swapped_s
    tell(listens=live.headline.text(), seen_s=seen_s, in_front_s=heard_s, delay_s=live.session.delay_s)


async def cut(tab):
    """The streams vanish and come back; decoding goes on."""
    session = tab.live.session
    session.player.cut()
    await until(lambda: len(session.lost) == 2 and "Nothing comes from" in said(tab))
    session.player.mend()
    await until(lambda: not session.lost and "Nothing comes from" not in said(tab))
    before = session.attention
    await until(lambda: session.attention is not before)
    tell(back=True, health=tab.live.health.whole())


async def reopen(tab):
    """What was recorded, in the traces again, with what happened as annotations."""
    tab.primary.click()
    await until(lambda: "Recorded as" in said(tab) and not tab.is_busy)
    button(tab, "Open the recording").click()
    await until(lambda: tab.session.opened is not None and not tab.services.tasks)
    await until(lambda: tab.browser.traces.shown_columns() is not None)
    recording = tab.session.recording
    tell(
        reopened=recording.path.name,
        channels=list(recording.channel_names),
        seconds=recording.duration_s,
        notes=[annotation.text for annotation in tab.session.annotations.every],
    )


async def journey(app):
    i18n.install("en")
    theme.use_font(app)
    theme.apply(app, "light")
    services = Services()
    window = MainWindow(services, "eeg")
    window.resize(1280, 800)
    window.show()
    await until(lambda: window.page("eeg") is not None)
    tab = window.page("eeg")
    await stream(tab)
    await take_over(tab.live)
    await cut(tab)
    await reopen(tab)
    tab.live.session.end_player()
    await services.close()
    left = [
        thread.name for thread in threading.enumerate() if "lsl" in thread.name or "eeg live" in thread.name
    ]
    tell(threads=left)


run(journey)
