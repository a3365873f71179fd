"""What comes back at the next start: written every few seconds, so that a process that is killed loses little."""

from __future__ import annotations

import logging

from PySide6.QtCore import QObject, QTimer, Signal

from app.settings import Key
from app.systems import Entry
from app.tabs.base import Tab
from app.window import Window

log = logging.getLogger("polyphony")

KEEP_EVERY_MS = 5000


class StateKeeper(QObject):
    """Geometry, the tab in front and every tab's own state, kept by a timer and when the window closes.

    could_not_write fires once where the settings cannot be written (a full disk), again after they could.
    """

    could_not_write = Signal()
    refused = Signal(str, object)  # a tab, and the state that it could not take up

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self._settings = window.services.settings
        self._complained: set[str] = set()  # tabs that could not say their state
        self._written = True
        self._timer = QTimer(self)
        self._timer.setInterval(KEEP_EVERY_MS)
        self._timer.timeout.connect(self.keep)

    def start(self) -> None:
        """Keep from now on."""
        self._timer.start()

    def stop(self) -> None:
        """Keep once more, and no longer."""
        self._timer.stop()
        self.keep()

    def keep(self) -> None:
        """Write what has changed, and have it on the disk."""
        window, settings = self._window, self._settings
        settings.set_blob(Key.GEOMETRY, window.saveGeometry())
        settings.set_if_new(Key.TAB, window.system)
        height = window.dock_height()
        if height is not None:
            settings.set_if_new(Key.DOCK_HEIGHT, height)
        for page in window.pages():
            try:
                page.remember()
            except Exception as error:  # what one tab cannot remember must not cost the others
                if page.system not in self._complained:
                    self._complained.add(page.system)
                    window.services.errors.report(error)
        written = settings.sync()
        if self._written and not written:
            log.warning("%s cannot be written", settings.path)
            self.could_not_write.emit()
        self._written = written

    def restore(self, page: Tab, entry: Entry) -> bool:
        """Give a tab what it remembers. False where it cannot take it: that is set aside, and a new tab is needed.

        A start that ended while a tab took up its state would end so again: that state is set aside, too.
        """
        settings = self._settings
        if settings.text(Key.RESTORING) == entry.system:
            log.warning("%s: the last start ended while it took up its state", entry.system)
            settings.set(Key.RESTORING, "")
            settings.set_aside(Key.TABS, entry.system)
            return False
        state = settings.plain(Key.TABS, entry.system)
        if state:
            settings.set(Key.RESTORING, entry.system)
            settings.sync()
        try:
            page.restore(state)
        except Exception:
            log.exception("%s cannot take up what it remembers", entry.system)
            settings.set_aside(Key.TABS, entry.system)
            self.refused.emit(entry.system, state)
            return False
        finally:
            if state:
                settings.set(Key.RESTORING, "")
        return True
