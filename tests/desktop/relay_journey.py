"""A conversation all the way through the studio, on a real screen: the real window, in a process of its own.

Usage: relay_journey.py FOLDER   (a picture of the screen is written there at every step). Tells JSON lines.
"""

import asyncio
import sys
import time
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from app import i18n, theme
from app.main_window import MainWindow
from app.services import Services
from tests.desktop.acting import run, tell, until

STEP_S = 90.0
ALIKE = 40  # of 255, how far a drawn colour may lie from the one that is meant


class Screen:
    """What the X server shows of the window's widgets."""

    def __init__(self, window, folder):
        self._window, self._folder = window, Path(folder)

    def pixels(self, widget):
        """int [height, width, 3] of a widget."""
        corner = widget.mapTo(self._window, QPoint(0, 0))
        whole = self._window.screen().grabWindow(self._window.winId())
        picture = whole.copy(corner.x(), corner.y(), widget.width(), widget.height()).toImage()
        picture = picture.convertToFormat(picture.Format.Format_RGB888)
        rows = np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), -1)
        return rows[:, : 3 * picture.width()].reshape(picture.height(), picture.width(), 3).astype(int)

    def share(self, widget, color):
        """How much of a widget has that colour."""
        wanted = theme.color(color)
        away = np.abs(self.pixels(widget) - [wanted.red(), wanted.green(), wanted.blue()]).max(axis=2)
        return float((away < ALIKE).mean())

    def keep(self, name):
        self._window.screen().grabWindow(0).save(str(self._folder / f"{name}.png"))


async def begin(window):
    """As a person does: by the menu, with the mouse."""
    menu = window.menus.help_menu
    menu.popup(window.header.menus.mapToGlobal(QPoint(0, window.header.menus.height())))
    await until(menu.isVisible)
    place = menu.actionGeometry(window.menus.relay_action).center()
    QTest.mouseClick(menu, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    await until(lambda: window.between.relay.running)


async def lanes(window, screen):
    """How much of the first speaker's lane is drawn as soon as there is one: it fills while the recording is taken apart."""
    step, tab = window.between.relay.steps[0], window.page("separation")
    drawn = 0.0

    def shows():
        """The lanes are asked for anew each time: those of the result take the place of those that filled."""
        nonlocal drawn
        speakers = tab.recording.lanes.lanes[1:]
        if speakers and speakers[0].canvas.isVisible():
            drawn = screen.share(speakers[0].canvas, speakers[0].color)
        return drawn > 0.05

    await until(shows)
    screen.keep("1-lanes")
    await until(lambda: step.state == "done", STEP_S)
    tell(step="lanes", drawn=drawn, tracks=len(tab.session.tracks))


def at_ribbons(window, screen):
    """Of each speaker's strip: where it lies, its words, and how much of it has a colour of theirs."""
    strips = []
    for lane in window.current.recording.lanes.lanes[1:]:
        strip = lane.ribbon
        places = [strip.mapTo(window, QPoint(0, 0)), lane.canvas.mapTo(window, QPoint(0, 0))]
        strips.append(
            {
                "left": [place.x() for place in places],
                "below": places[0].y() - places[1].y() - lane.canvas.height(),
                "width": [strip.width(), lane.canvas.width()],
                "words": sorted({word for word in strip.ribbon.words if word}),
                "colored": sum(screen.share(strip, color) for color in set(strip.ribbon.colors)),
            }
        )
    return {"strips": strips}


def at_attention(window, screen):
    """Who was listened to, and who is known to have been."""
    talker = window.current.session.talker
    return {"chosen": talker.attention.chosen, "truth": talker.truth, "page": window.current.choice.current}


def at_mesh(window, screen):
    """How many frames came, and whether something was painted."""
    session = window.current.session
    return {
        "windows": len(session.sequences),
        "gates": list(session.observation.gates.shape),
        "colours": len(np.unique(screen.pixels(window.current).reshape(-1, 3)[::7], axis=0)),
    }


async def journey(app, folder):
    began = time.monotonic()
    i18n.install("en")
    theme.use_font(app)
    theme.apply(app, "light")
    services = Services()
    window = MainWindow(services, "separation")
    crashes = []
    services.errors.install()
    services.errors.watch(asyncio.get_running_loop())
    services.errors._arrived.disconnect()  # told below; no dialog stands in the way
    services.errors._arrived.connect(lambda error: crashes.append(repr(error)))
    window.resize(1280, 800)
    window.show()
    await until(lambda: window.page("separation") is not None and window.dock is not None)
    screen, relay = Screen(window, folder), window.between.relay
    await begin(window)
    await lanes(window, screen)
    steps = relay.steps
    await until(lambda: not relay.running, STEP_S)
    tell(step="way", at=window.system, steps=[[step.state, step.result] for step in steps])
    for number, look in enumerate((None, at_ribbons, at_attention, at_mesh)):
        if look is not None:
            QTest.mouseClick(window.between.bar.steps[number], Qt.MouseButton.LeftButton)
            await asyncio.sleep(0.5)
            screen.keep(f"{number + 1}-{look.__name__.removeprefix('at_')}")
            tell(step=look.__name__, at=window.system, **look(window, screen))
    closed = []
    window.closed.connect(lambda: closed.append(True))
    window.close()
    await until(lambda: closed)
    tell(crashes=crashes, seconds=time.monotonic() - began)


run(lambda app: journey(app, sys.argv[1]), pictures=Path(sys.argv[1]))
