"""A person without a mouse: the real window, started by the test in a process of its own. Tells JSON lines.

Usage: keyboard_journey.py FOLDER   (a picture of the screen is written there at every stop)
"""

import asyncio
import sys
import threading
import time
from pathlib import Path

import psutil
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel

from app import i18n, systems, theme
from app.main_window import MainWindow
from app.services import Services
from tests.desktop.acting import run, tell, until

MOST_TABS = 60  # presses of the Tab key before something counts as not to be reached
OURS = ("MainThread", "asyncio_", "ThreadPoolExecutor")
NO_MODIFIER = Qt.KeyboardModifier.NoModifier


async def settled(value, seconds=1.0):
    """Wait until `value()` has been the same thing for a while: answers come while the words are typed."""
    seen, since = value(), time.monotonic()
    while time.monotonic() < since + seconds:
        await asyncio.sleep(0.05)
        if value() is not seen:
            seen, since = value(), time.monotonic()


class Person:
    """Presses keys; the keys go where the focus is, as on a real keyboard."""

    def __init__(self, window, folder):
        self.window, self.folder = window, folder

    async def press(self, key, modifiers=NO_MODIFIER):
        target = QApplication.focusWidget() or QApplication.activeModalWidget() or self.window
        QTest.keyClick(target, key, modifiers)
        await asyncio.sleep(0.03)

    async def control(self, key):
        await self.press(key, Qt.KeyboardModifier.ControlModifier)

    async def type(self, words):
        for letter in words:
            QTest.keyClicks(QApplication.focusWidget(), letter)
            await asyncio.sleep(0.02)

    async def walk_to(self, wanted):
        """Press Tab until the focus is where `wanted` (a predicate of the widget) holds; returns how often."""
        passed = []
        for presses in range(1, MOST_TABS + 1):
            await self.press(Qt.Key.Key_Tab)
            focused = QApplication.focusWidget()
            passed.append(f"{type(focused).__name__} {focused.accessibleName()}")
            if focused is not None and wanted(focused):
                return presses
        raise LookupError(f"{MOST_TABS} presses of Tab did not lead there, but to {passed}")

    def look(self, name):
        """What is on the screen, as the X server has it; returns how many colours there are."""
        picture = self.window.screen().grabWindow(0).toImage()
        picture.save(str(Path(self.folder) / f"{name}.png"))
        steps = range(0, picture.width() * picture.height(), 97)
        return len({picture.pixel(i % picture.width(), i // picture.width()) for i in steps})


def says(words):
    """A button, or a line with a link, that says this."""
    return lambda widget: isinstance(widget, QAbstractButton | QLabel) and words in widget.text()


def named(words):
    return lambda widget: widget.accessibleName().startswith(words)


# What is done on each tab: the sample, then the view's own keys. Each returns what was seen.


async def emotion(person, tab):
    """The sample goes through the live path first, with what was acted beside it; then through Files."""
    live = tab.live
    await until(lambda: live.session.listening)
    await until(lambda: "acted" in live.sight.truth.text())
    live.stop()
    await until(lambda: not live.session.listening and not tab.is_busy)
    await person.walk_to(says("Microphone"))
    await person.press(Qt.Key.Key_Right)
    await until(lambda: tab.choice.current == "files")
    await person.walk_to(says("Try the sample"))
    await person.press(Qt.Key.Key_Return)
    files = tab.files.table
    await until(lambda: files.rows and all(row.prediction or row.problem for row in files.rows))
    rows = files.rows
    await person.walk_to(named("Predictions"))
    shown = tab.files._shown_row
    await person.press(Qt.Key.Key_Down)
    await until(lambda: tab.files._shown_row is not shown)
    return {"recognised": sum(row.prediction is not None for row in rows), "files": len(rows)}


async def separation(person, tab):
    recording = tab.recording
    await until(lambda: tab.session.outline is not None and not tab.is_busy)
    await person.walk_to(says("Separate"))
    await person.press(Qt.Key.Key_Space)
    await until(lambda: tab.session.tracks and not tab.is_busy, 120)
    await until(recording.lanes.hasFocus)  # by itself: what was separated is there to be heard
    for key in (Qt.Key.Key_2, Qt.Key.Key_Space):  # the second track is heard
        await person.press(key)
    await until(lambda: recording.lanes.player.position_s() > 0.5)
    await person.press(Qt.Key.Key_Space)
    return {"tracks": len(tab.session.tracks), "heard_s": recording.lanes.place_s()}


async def reverberation(person, tab):
    await until(lambda: tab.session.observation is not None and not tab.is_busy)
    await person.walk_to(named("Mesh"))
    await person.press(Qt.Key.Key_Right)
    module = tab.module.name
    await person.walk_to(named("View"))
    views = [tab.choice.current]
    for _ in range(len(tab.choice.buttons) - 1):
        await person.press(Qt.Key.Key_Right)
        views.append(tab.choice.current)
    for _ in views[1:]:
        await person.press(Qt.Key.Key_Left)
    await until(lambda: tab.choice.current == views[0])
    return {"module": module, "views": views}


async def eeg(person, tab):
    await until(lambda: tab.session.evaluation is not None and not tab.is_busy and not tab.services.tasks)
    await person.walk_to(named("EEG"))
    before = tab.browser.traces.shown_range()
    await person.press(Qt.Key.Key_PageDown)
    return {
        "r": tab.session.track_comparison.comparison.r,
        "paged_s": tab.browser.traces.shown_range()[0] - before[0],
    }


async def search(person, tab):
    page = tab.search
    await until(lambda: page.session.answers is not None and not tab.is_busy and not tab.services.tasks)
    await person.control(Qt.Key.Key_F)
    before = page.session.answers
    await person.type("red heart")
    await until(lambda: page.session.answers is not before)
    await settled(lambda: page.session.answers)
    await person.press(Qt.Key.Key_Return)
    await until(page.results.gallery.hasFocus)  # by itself, once the question is answered
    await person.press(Qt.Key.Key_Right)
    return {
        "answers": [hit.words for hit in page.results.pictures.hits[:8]],
        "row": page.results.gallery.currentIndex().row(),
    }


WORK = {
    "emotion": emotion,
    "separation": separation,
    "reverberation": reverberation,
    "eeg": eeg,
    "search": search,
}


async def journey(app, folder):
    i18n.install("en")
    theme.use_font(app)
    theme.apply(app, "light")
    services = Services()
    window = MainWindow(services, "emotion")
    crashes = []
    services.errors.install()
    services.errors.watch(asyncio.get_running_loop())
    services.errors._arrived.disconnect()  # told below; no dialog stands in the way
    services.errors._arrived.connect(lambda error: crashes.append(repr(error)))
    window.resize(1280, 800)
    window.show()
    window.activateWindow()
    await until(lambda: window.current is not None and window.dock is not None and window.isActiveWindow())
    person = Person(window, folder)
    for number, entry in enumerate(systems.ENTRIES, 1):
        await person.control(getattr(Qt.Key, f"Key_{number}"))
        await until(lambda name=entry.system: window.current is not None and window.current.system == name)
        tab = window.current
        presses = await person.walk_to(says("Try the sample"))
        await person.press(Qt.Key.Key_Return)
        seen = await WORK[entry.system](person, tab)
        await asyncio.sleep(0.5)
        messages = [message.heading or message.text for message in tab.messages.messages]
        tell(tab=entry.system, presses=presses, messages=messages, colours=person.look(entry.system), **seen)
    await person.control(Qt.Key.Key_T)
    dock_open = window.dock.height()
    await person.control(Qt.Key.Key_T)
    tell(dock=[window.dock.height(), dock_open])
    closed = []
    window.closed.connect(lambda: closed.append(True))
    await person.control(Qt.Key.Key_Q)
    await until(lambda: closed)
    await asyncio.sleep(0.5)
    threads = [thread.name for thread in threading.enumerate() if not thread.name.startswith(OURS)]
    tell(crashes=crashes, threads=threads, children=len(psutil.Process().children(recursive=True)))


run(lambda app: journey(app, sys.argv[1]), pictures=Path(sys.argv[1]))
