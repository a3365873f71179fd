"""The view: traces above, the pages of what was decoded below, all on one axis of time with one cursor."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from app import theme
from app.tabs.eeg.browser import Browser
from app.tabs.eeg.listened import ListenedPage
from app.tabs.eeg.outcome import EnvelopePage


class EegView(QSplitter):
    """`below` takes the choice of pages and the pages."""

    def __init__(self, browser: Browser, outcome: EnvelopePage, listened: ListenedPage) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self.setChildrenCollapsible(False)
        lower = QWidget()
        self.below = QVBoxLayout(lower)
        self.below.setContentsMargins(0, theme.TINY, 0, 0)
        self.below.setSpacing(theme.SMALL)
        for number, widget in enumerate((browser, lower)):
            self.addWidget(widget)
            self.setStretchFactor(number, 1)
        self.setSizes([4000, 6000])  # the share of each, whatever it asks for
        outcome.view.setContentsMargins(0, 0, browser.spare_px, 0)
        for plot in (outcome.envelope, outcome.over_time):
            plot.setXLink(browser.traces)
        for plot in (outcome.envelope, outcome.over_time, listened.over_time):
            plot.cursor_moved.connect(browser.traces.set_cursor)
            browser.traces.cursor_moved.connect(plot.set_cursor)
