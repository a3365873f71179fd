"""What the tab says of a recording above its view: remarks, doubts, and what can be done about them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.i18n import digits, series, tr
from app.tabs.base import Tab
from app.tabs.eeg.session import EegSession
from app.tabs.eeg.source import duration_words
from models.remarks import Remark, distinct

if TYPE_CHECKING:
    from pathlib import Path

    from app.widgets.message_bar import Action
    from models.eeg.tuning import Gain

CHANCE_P = 0.05  # a comparison that chance passes more often is doubted in words
MOST_REMARKS = 6


class EegMessages(QObject):
    """Listens to the session and speaks through the tab. stretch_wanted(): the stimulus should be stretched.
    use_wanted(path): a tuned decoder should be used."""

    stretch_wanted = Signal()
    use_wanted = Signal(object)

    def __init__(self, tab: Tab, session: EegSession) -> None:
        super().__init__(tab)
        self._tab, self._session = tab, session
        session.began.connect(lambda: tab.clear_messages())
        session.part_changed.connect(self._opened)
        session.decoded.connect(self._decoded)
        session.compared.connect(self._compared)
        session.bad_changed.connect(self._bad_changed)

    def one_at_a_time(self, name: str) -> None:
        """Of several recordings that were dropped, only the first, `name`, was opened."""
        words = tr("One recording is opened at a time: {name}.", name=name)
        self._tab.show_message("hint", words, key="paths")

    def recording_needed(self) -> None:
        """Tracks came from another tab, and no recording is open that they belong to."""
        words = tr("Open the recording in which these tracks were heard.")
        self._tab.show_message("hint", words, key="paths")

    def unknown_channels(self, names: list[str]) -> None:
        """Names that were typed and that the recording does not have; none takes the message away."""
        if names:
            words = tr("There is no channel {names}.", names=series(names))
            self._tab.show_message("warning", words, key="bad")
        else:
            self._tab.clear_messages("bad")

    def tuned(self, gain: Gain, run: Path) -> None:
        """What fine-tuning brought, and the offer to use the tuned decoder of the run in that folder."""
        words = tr(
            "r {before} before and {after} after, on {seconds:g} s that were held back.",
            before=digits(gain.before, ".3f"),
            after=digits(gain.after, ".3f"),
            seconds=round(gain.seconds),
        )
        use: Action = (tr("Use the tuned decoder"), lambda: self.use_wanted.emit(run / "best"))
        self._tab.show_message("hint", words, [use], heading=tr("The decoder is tuned"), key="tuned")

    # Inside -----------------------------------------------------------------------------------------------

    def _opened(self) -> None:
        if self._session.recording is not None and not self._session.is_sample:
            self._say_remarks(self._session.recording.remarks)  # of the sample it is known what it holds

    def _decoded(self) -> None:
        result = self._session.result
        assert result is not None
        seconds = len(result.decoding.envelope) / result.decoding.sample_rate
        words = tr(
            "decoded {length} in {seconds} s", length=duration_words(seconds), seconds=f"{result.seconds:.1f}"
        )
        self._tab.set_status(words)
        if not self._session.is_sample:
            self._say_remarks(result.decoding.remarks)
        if not self._session.tracks:
            words = tr("It is not known what was heard: add the sound or its envelope to compare.")
            self._tab.show_message("hint", words, key="stimulus")

    def _compared(self) -> None:
        comparison = self._session.track_comparison
        for key in ("stretch", "chance"):
            self._tab.clear_messages(key)
        if comparison is None:
            return
        self._tab.clear_messages("stimulus")
        if comparison.remark is not None:
            drift = not self._session.stretch and "drift" in comparison.remark.text
            stretch: Action = (tr("Stretch the stimulus"), self.stretch_wanted.emit)
            level, actions = ("warning", [stretch]) if drift else ("hint", None)
            self._tab.show_message(level, comparison.remark.translated(tr), actions, key="stretch")  # type: ignore[arg-type]
        if comparison.comparison.p > CHANCE_P:
            words = tr(
                "{name} cannot be told from copies of it with scrambled phases (p {p}). The recording may be too short or too noisy; or what "
                "was heard belongs to another recording or subject, or began at another time.",
                name=comparison.name,
                p=f"{comparison.comparison.p:.2f}",
            )
            self._tab.show_message("hint", words, key="chance")

    def _bad_changed(self) -> None:
        result = self._session.result
        if result is None or self._session.marked_bad == frozenset(result.asked_bad):
            self._tab.clear_messages("bad changed")
            return
        again: Action = (tr("Decode again"), self._session.decode_again)
        self._tab.show_message("hint", tr("The bad channels have changed."), [again], key="bad changed")

    def _say_remarks(self, remarks: Iterable[Remark]) -> None:
        sentences = [remark.translated(tr) for remark in distinct(remarks)]
        if sentences:
            self._tab.show_message("hint", " ".join(sentences[:MOST_REMARKS]), key="remarks")
