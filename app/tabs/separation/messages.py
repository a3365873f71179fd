"""What the tab says of a recording above its view and in the status line: remarks, doubts, how long it took."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject

from app.i18n import plural, tr, translate
from app.tabs.base import Tab
from app.tabs.separation.session import SeparationSession
from app.tabs.separation.words import left_words, one_is_faint, speed_words, voices_words

if TYPE_CHECKING:
    from app.widgets.message_bar import Action
    from models.separation.target import Target


class SeparationMessages(QObject):
    """Listens to the session and speaks through the tab."""

    def __init__(self, tab: Tab, session: SeparationSession, into_three: Callable[[], object]) -> None:
        """into_three: separates the recording with the model of three that ships."""
        super().__init__(tab)
        self._tab, self._session, self._into_three = tab, session, into_three
        session.began.connect(lambda: tab.clear_messages())
        session.opened.connect(self._opened)
        session.grown.connect(self._grown)
        session.tracks_changed.connect(lambda: tab.set_status(""))
        session.shown.connect(self._say_remarks)
        session.finished.connect(self._finished)
        session.assessed.connect(self._say_assessment)
        session.voice_found.connect(self._say_voice)
        session.stopped.connect(self._stopped)

    def _opened(self) -> None:
        outline = self._session.outline
        if outline is not None and outline.clipped > outline.sample_rate // 1000:
            text = plural(
                "{n} sample of this recording lies at full scale: it was recorded too loud, and tracks may crackle.",
                "{n} samples of this recording lie at full scale: it was recorded too loud, and tracks may crackle.",
                outline.clipped,
            )
            self._tab.show_message("warning", text, key="clipping")

    def _grown(self, _outlines: object, left_s: float) -> None:
        if left_s == left_s:  # not NaN: it can be said
            self._tab.set_status(left_words(left_s))

    def _finished(self) -> None:
        self._say_remarks()
        if self._session.outline is not None and self._session.separated is not None:
            self._tab.set_status(speed_words(self._session.outline, self._session.separated))

    def _stopped(self) -> None:
        self._tab.show_message("hint", tr("Stopped. No tracks were written."), key="stopped")

    def _say_assessment(self) -> None:
        assessment = self._session.assessment
        if assessment is None or not assessment.voices:
            return
        level: Literal["warning", "hint"] = "warning" if assessment.doubtful else "hint"
        beyond = assessment.people > assessment.voices
        actions: list[Action] = [(tr("Separate into three"), self._into_three)] if beyond else []
        self._tab.show_message(level, voices_words(assessment), actions, key="assessment")

    def _say_voice(self, target: Target) -> None:
        level: Literal["warning", "hint"] = "hint" if target.trusted else "warning"
        self._tab.show_message(level, target.remark.translated(translate), key="voice")

    def _say_remarks(self) -> None:
        separated, outline = self._session.separated, self._session.outline
        if separated is None or not separated.remarks:
            return
        text = "\n".join(remark.translated(translate) for remark in separated.remarks)
        clipped = outline is not None and outline.clipped > 0
        level: Literal["warning", "hint"] = "warning" if one_is_faint(separated) or clipped else "hint"
        self._tab.show_message(level, text, heading=tr("About these tracks"), key="remarks")
