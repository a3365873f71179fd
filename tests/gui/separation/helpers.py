"""What tests of the separation tab do again and again."""

from __future__ import annotations

from models.separation.results import Separated

RATE = 16_000


SECONDS = 6


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
