"""The panels at the right of the EEG tab, what opens each, and what each asks for: scalp and subjects, annotations, preprocessing."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut

from app import theme
from app.i18n import tr
from app.tabs.eeg.annotation_page import LENGTH_S, AnnotationPage
from app.tabs.eeg.browser import Browser
from app.tabs.eeg.messages import EegMessages
from app.tabs.eeg.scalp_page import ScalpPage
from app.tabs.eeg.session import EegSession
from app.tabs.eeg.side import HistoryPage
from app.tabs.eeg.tuning import FineTuning, TuningBox
from app.tabs.paged import PagedTab
from app.undo import Undoing
from models.errors import UserError


class Panels(QObject):
    """Made before the tab is laid out; `connect_all` is called after."""

    def __init__(self, tab: PagedTab, session: EegSession, browser: Browser, notices: EegMessages) -> None:
        super().__init__(tab)
        self._tab, self._session, self._browser, self._notices = tab, session, browser, notices
        self.scalp, self.history = ScalpPage(session), HistoryPage(session)
        self.annotations = AnnotationPage(session.annotations)
        self.tuning = FineTuning(tab, session, tab)
        self.tuning_box = TuningBox(self.tuning)
        self.scalp.body.addWidget(self.tuning_box)
        self.scalp.body.addStretch(1)

    def connect_all(self) -> None:
        """What the recording, the traces and the panels say to one another; marks and annotations can be undone."""
        tab, session = self._tab, self._session
        self._marks = Undoing(
            tab.undo_stack, lambda: tr("marked channels"), lambda: session.marked_bad, session.set_bad
        )
        session.bad_changed.connect(self._marks.look)
        session.part_changed.connect(self._marks.begin)
        self.tuning.judged.connect(self._tuned)
        self.history.replay_wanted.connect(self.replay)
        self.history.refused.connect(tab.show_error)
        self._connect_annotations()
        for signal in (session.part_changed, session.decoded):
            signal.connect(self.show_scalp)

    def _connect_annotations(self) -> None:
        annotations, page = self._session.annotations, self.annotations
        self._notes = Undoing(
            self._tab.undo_stack, lambda: tr("annotations"), lambda: annotations.every, annotations.put
        )
        annotations.changed.connect(self._notes.look)
        self._session.part_changed.connect(self._notes.begin)
        self._browser.add_wanted.connect(self._annotate)
        page.add_wanted.connect(self._browser.ask_for_annotation)
        page.gone_to.connect(self._browser.show_time)
        QShortcut(QKeySequence(Qt.Key.Key_Delete), page.table, page.remove_selected).setContext(
            Qt.ShortcutContext.WidgetShortcut
        )

    def show_scalp(self) -> None:
        """Which electrodes count, and what each subject gives."""
        self._tab.show_page_details(self.scalp, tr("Scalp"))

    def show_annotations(self) -> None:
        """What is noted in the recording."""
        self._tab.show_page_details(self.annotations, tr("Annotations"))

    def show_history(self) -> None:
        """What was done to the EEG."""
        self._tab.show_page_details(self.history, tr("Preprocessing"))

    def replay(self, path: Path) -> None:
        """Preprocess as a saved history says."""
        try:
            self._session.replay(path)
        except UserError as error:
            self._tab.show_error(error)
            return
        self.show_history()

    def _annotate(self, at_s: float) -> None:
        self.show_annotations()
        number = self._session.annotations.add(at_s, LENGTH_S, tr("note"))
        self.annotations.choose(number, edit=True)

    def _tuned(self) -> None:
        if self.tuning.gain is not None and self.tuning.run is not None:
            self._notices.tuned(self.tuning.gain, self.tuning.run)
        laid_out = self.tuning_box.use
        QTimer.singleShot(0, laid_out, lambda: self.scalp.ensureWidgetVisible(laid_out, 0, theme.TINY))
