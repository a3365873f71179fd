"""The recording to scroll through: traces, a bar for the whole of it, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QScrollBar, QToolButton, QVBoxLayout, QWidget

from app import theme
from app.i18n import tr
from app.services import Services
from app.widgets.plot import figure
from app.widgets.section import Segments
from app.widgets.traces import TraceView
from models.eeg.browse import Overview, columns_of
from models.eeg.recordings import Recording
from models.errors import UserError
from models.progress import Cancelled

if TYPE_CHECKING:
    from app.tabs.eeg.work import Look

READER = "eeg traces"
SHOWN_S = 10.0
CHUNK_VIEWS = 5  # a stretch that is read at once, in widths of the view
LEAST_CHUNK_S = 20.0
MOST_VALUES = 30_000_000  # of a stretch
REDRAW_MS = 200  # while the overview grows
TICKS = 10_000  # of the scroll bar


class Browser(QWidget):
    """`show_recording`, then `show_decoding` once it is preprocessed. bad_toggled(name): its label was clicked."""

    bad_toggled = Signal(str)
    failed = Signal(object)  # UserError

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self.recording: Recording | None = None
        self._sources: dict[str, _Source] = {}
        self.ready: Callable[[], None] | None = (
            None  # called when the whole recording has been looked through
        )
        self._make()
        self._timer = QTimer(self)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self.traces.refresh)

    # Contents ---------------------------------------------------------------------------------------------

    def show_recording(self, recording: Recording) -> None:
        """The traces of its beginning at once; the whole of it is looked through meanwhile."""
        self.recording = recording
        source = _FromFile(self._services, recording, self._arrived, self.failed.emit)
        self._sources = {"raw": source}
        self.kind.choose("raw")
        self._use("raw")
        self._fit_pending = True
        self._services.start(self._look_through(source), self)

    def show_decoding(self, look: Look) -> None:
        """The preprocessed signal can be chosen, too."""
        self._sources["ready"] = _InMemory(look)
        self.kind.buttons["ready"].setEnabled(True)
        if self.kind.current == "ready":
            self._use("ready", keep=True)

    def show_nothing(self) -> None:
        self.recording = None
        self._sources = {}
        self.kind.choose("raw")
        self.kind.buttons["ready"].setEnabled(False)
        self.traces.show_nothing()
        self._range_changed(0.0, 10.0)

    def show_bad(self, names: Sequence[str]) -> None:
        bad = set(names)
        self.traces.set_marked([number for number, name in enumerate(self.traces.names) if name in bad])

    def show_error(self, error: BaseException) -> None:
        """For `services.start`: errors of reading are the tab's."""
        if isinstance(error, UserError):
            self.failed.emit(error)
        elif not isinstance(error, Cancelled):
            self._services.errors.report(error)

    async def _look_through(self, source: _FromFile) -> None:
        self._timer.start()
        try:
            with self._services.task(tr("Looking through the recording")) as task:
                await self._services.worker(READER).run(
                    source.overview.fill,
                    source.recording,
                    progress=task,
                    newest_wins="overview",
                    drop_running=True,
                )
        except Cancelled:
            return
        finally:
            if self.recording is source.recording:
                self._timer.stop()
        self.traces.refresh()
        if self.ready is not None:
            self.ready()

    def _use(self, kind: str, keep: bool = False) -> None:
        source = self._sources.get(kind)
        if source is None:
            return
        shown, first, rows = self.traces.shown_range(), self.traces.first, self.traces.rows
        marked = [name for n, name in enumerate(self.traces.names) if n in self.traces.marked]
        self.traces.set_source(source.names, source.duration_s, source.columns, SHOWN_S)
        if keep:
            self.traces.show_range(*shown)
            self.traces.show_rows(first, rows)
        else:
            self._rows_chosen()
        self.show_bad(marked)
        self._range_changed(*self.traces.shown_range())

    def _kind_chosen(self, kind: str) -> None:
        self._use(kind, keep=True)
        self.fit()

    def fit(self) -> None:
        self.traces.fit_rows()
        self._name_scale()

    def _arrived(self) -> None:
        """A stretch has been read."""
        if self._fit_pending:
            self._fit_pending = False
            self.fit()
        self.traces.refresh()

    # Scrolling --------------------------------------------------------------------------------------------

    def _range_changed(self, left: float, right: float) -> None:
        """The bar follows the view."""
        whole = self.traces.duration_s or 1.0
        wide = min(1.0, (right - left) / whole)
        self.bar.blockSignals(True)
        self.bar.setRange(0, max(0, round(TICKS * (1 - wide))))
        self.bar.setPageStep(max(1, round(TICKS * wide)))
        self.bar.setSingleStep(max(1, round(TICKS * wide / 10)))
        self.bar.setValue(round(TICKS * left / whole))
        self.bar.blockSignals(False)

    def _bar_moved(self, value: int) -> None:
        left, right = self.traces.shown_range()
        begin = value / TICKS * self.traces.duration_s
        self.traces.show_range(begin, begin + right - left)

    def _rows_chosen(self, _index: int = 0) -> None:
        rows = self.rows.currentData() or len(self.traces.names)
        self.traces.show_rows(self.traces.first, rows)
        self._fit_channels()

    def _fit_channels(self) -> None:
        hidden = max(0, len(self.traces.names) - self.traces.rows)
        self.channel_bar.blockSignals(True)
        self.channel_bar.setRange(0, hidden)
        self.channel_bar.setPageStep(max(1, self.traces.rows))
        self.channel_bar.setValue(self.traces.first)
        self.channel_bar.blockSignals(False)
        self.channel_bar.setVisible(hidden > 0)

    def _scale(self, factor: float) -> None:
        self.traces.set_row_uv(self.traces.row_uv * factor)
        self._name_scale()

    def _name_scale(self) -> None:
        self._scale_words.setText(figure(self.traces.row_uv, self.traces.unit))

    # Making -----------------------------------------------------------------------------------------------

    def _make(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.TINY)
        self.traces = TraceView(tr("EEG"))
        self.traces.set_empty_words(tr("Drop a recording of someone listening to speech, or try the sample"))
        self.traces.range_changed.connect(self._range_changed)
        self.traces.scaled_rows.connect(self._name_scale)
        self.traces.rows_moved.connect(self._fit_channels)
        self.traces.channel_clicked.connect(lambda number: self.bad_toggled.emit(self.traces.names[number]))
        self.kind = Segments({"raw": tr("As recorded"), "ready": tr("Preprocessed")}, tr("Signal"))
        self.kind.buttons["ready"].setEnabled(False)
        self.kind.chosen.connect(self._kind_chosen)
        self.rows = QComboBox()
        for words, count in (
            (tr("all channels"), 0),
            (tr("32 channels"), 32),
            (tr("16 channels"), 16),
            (tr("8 channels"), 8),
        ):
            self.rows.addItem(words, count)
        self.rows.setAccessibleName(tr("Channels shown"))
        self.rows.setToolTip(tr("How many channels are shown at once"))
        self.rows.currentIndexChanged.connect(self._rows_chosen)
        head = QHBoxLayout()
        head.setSpacing(theme.SMALL)
        head.addWidget(self.kind)
        head.addStretch(1)
        head.addWidget(self.rows)
        self._scale_words = QLabel()
        self._scale_words.setProperty("role", "hint")
        self._scale_words.setMinimumWidth(60)
        self._scale_words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._scale_words.setToolTip(tr("What the height of a row stands for"))
        head.addWidget(self._scale_words)
        for sign, factor, words in (("−", 2.0, tr("Smaller traces")), ("+", 0.5, tr("Larger traces"))):
            button = QToolButton()
            button.setText(sign)
            button.setToolTip(words)
            button.setAccessibleName(words)
            button.clicked.connect(lambda _checked=False, factor=factor: self._scale(factor))
            head.addWidget(button)
        self._fit_pending = False
        fit = QToolButton()
        fit.setText(tr("Fit"))
        fit.setToolTip(tr("Choose the height so that the traces just stay apart"))
        fit.clicked.connect(self.fit)
        head.addWidget(fit)
        column.addLayout(head)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.traces, 1)
        self.channel_bar = QScrollBar(Qt.Orientation.Vertical)
        self.channel_bar.setAccessibleName(tr("Channels"))
        self.channel_bar.valueChanged.connect(lambda value: self.traces.show_rows(value, self.traces.rows))
        middle.addWidget(self.channel_bar)
        column.addLayout(middle, 1)
        self.bar = QScrollBar(Qt.Orientation.Horizontal)
        self.bar.setAccessibleName(tr("Place in the recording"))
        self.bar.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the traces take the arrow keys
        self.bar.valueChanged.connect(self._bar_moved)
        column.addWidget(self.bar)
        self._fit_channels()
        self._name_scale()


class _Source:
    """Where traces come from."""

    names: tuple[str, ...]
    duration_s: float

    def columns(self, left: float, right: float, count: int) -> tuple[np.ndarray, np.ndarray]:
        raise NotImplementedError


class _InMemory(_Source):
    """A signal that is in memory, such as what was preprocessed."""

    def __init__(self, look: Look) -> None:
        self._eeg, self._rate, self._overview = look.decoding.eeg, look.decoding.sample_rate, look.overview
        self.names, self.duration_s = look.decoding.channel_names, len(self._eeg) / self._rate

    def columns(self, left: float, right: float, count: int) -> tuple[np.ndarray, np.ndarray]:
        first, last = left * self._rate, right * self._rate
        found = self._overview.columns(first, last, count)
        return found if found is not None else columns_of(self._eeg, 0, first, last, count)


class _FromFile(_Source):
    """A recording on disk: coarse views from its overview, fine ones from stretches that a worker reads."""

    def __init__(
        self,
        services: Services,
        recording: Recording,
        arrived: Callable[[], None],
        failed: Callable[[UserError], None],
    ) -> None:
        self.names, self.duration_s = recording.channel_names, recording.duration_s
        self.recording = recording
        self.overview = Overview(recording)
        self._services, self._tell, self._failed = services, arrived, failed
        self._chunk = np.zeros((0, len(recording.channel_names)), np.float32)
        self._chunk_from = 0
        self._asked = (0, 0)

    def columns(self, left: float, right: float, count: int) -> tuple[np.ndarray, np.ndarray]:
        rate = self.recording.sample_rate
        first, last = left * rate, right * rate
        found = self.overview.columns(first, last, count)
        if found is not None and self.overview.filled >= min(self.recording.time, last):
            return found
        self._want(first, last)
        if self._covers(max(0.0, first), min(float(self.recording.time), last)):
            return columns_of(self._chunk, self._chunk_from, first, last, count)
        if found is not None:
            return found
        coarse = max(1, min(count, int((last - first) / self.overview.block)))
        rough = self.overview.columns(first, last, coarse)
        assert rough is not None
        pick = np.arange(count) * coarse // count
        return rough[0][pick], rough[1][pick]

    def _covers(self, first: float, last: float) -> bool:
        return self._chunk_from <= first and last <= self._chunk_from + len(self._chunk) + 1

    def _want(self, first: float, last: float) -> None:
        """Read a stretch around this one unless it is there, or on its way, with half a view to spare."""
        time, rate = self.recording.time, self.recording.sample_rate
        wide = last - first
        if wide * len(self.names) > MOST_VALUES:
            return
        spare = wide / 2
        low, high = max(0.0, first - spare), min(float(time), last + spare)
        if self._covers(low, high) or (self._asked[0] <= low and high <= self._asked[1]):
            return
        most = MOST_VALUES / max(1, len(self.names))
        size = min(max(CHUNK_VIEWS * wide, LEAST_CHUNK_S * rate), max(most, wide + 2 * spare))
        middle = (first + last) / 2
        begin = max(0, int(middle - size / 2))
        end = min(time, int(middle + size / 2) + 1)
        self._asked = (begin, end)
        self._services.worker(READER_OF_STRETCHES).submit(
            self.recording.read_samples, begin, end, newest_wins="stretch",
            done=lambda samples: self._take(samples, begin), failed=self._stumbled,
        )  # fmt: skip

    def _take(self, samples: np.ndarray, begin: int) -> None:
        self._chunk, self._chunk_from = samples, begin
        self._tell()

    def _stumbled(self, error: BaseException) -> None:
        self._asked = (0, 0)
        if isinstance(error, UserError):
            self._asked = (0, self.recording.time)  # what cannot be read is not asked for again and again
            self._failed(error)
        elif not isinstance(error, Cancelled):
            self._services.errors.report(error)


READER_OF_STRETCHES = (
    "eeg stretches"  # not the one that looks through the whole: a view must not wait for that
)
