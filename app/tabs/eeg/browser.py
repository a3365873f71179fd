"""The recording to scroll through: traces, a bar for the whole of it, and how it is shown."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QScrollBar, QToolButton, QVBoxLayout, QWidget

from app import theme
from app.i18n import plural, tr
from app.tabs.eeg.annotation_marks import AnnotationMarks
from app.tabs.eeg.session import EegSession
from app.tabs.eeg.trace_sources import FromFile, InMemory, Source
from app.widgets.combo import ElidedCombo
from app.widgets.section import Segments
from app.widgets.traces import TraceView
from models.errors import UserError
from models.progress import Cancelled

RAW, READY = "raw", "ready"
WELL_SEEN = 20  # channels at a time; fewer where there is no room for so many
READER = "eeg traces"
SHOWN_S = 10.0
REDRAW_MS = 200  # while the overview grows
TICKS = 10_000  # of the scroll bar


class Browser(QWidget):
    """Shows the recording that is open; once it is decoded, what was preprocessed, too. failed(error): it cannot be read."""

    failed = Signal(object)  # UserError
    add_wanted = Signal(float)  # an annotation, at this time in s

    def __init__(self, session: EegSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._services = session, session.services
        self._sources: dict[str, Source] = {}
        self._make()
        self.marks = AnnotationMarks(self.traces, session.annotations)
        self._cursor_s: float | None = None
        self.traces.cursor_moved.connect(self._cursor_at)
        shortcut = QShortcut(QKeySequence("A"), self.traces, self.ask_for_annotation)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._timer = QTimer(self)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self.traces.refresh)
        session.part_changed.connect(self._show_recording)
        session.decoded.connect(self._show_decoding)
        session.bad_changed.connect(self._show_bad)

    # Contents ---------------------------------------------------------------------------------------------

    @property
    def looked_through(self) -> bool:
        """Whether the whole recording has been read once, so that any stretch of it can be shown at once."""
        source = self._sources.get(RAW)
        return isinstance(source, FromFile) and source.overview.filled >= source.recording.time

    @property
    def spare_px(self) -> int:
        """What stands at the right of the traces: plots on the same axis leave as much free."""
        return self.channel_bar.sizeHint().width()

    def _show_recording(self) -> None:
        """The traces of its beginning at once; the whole of it is looked through meanwhile."""
        recording = self._session.recording
        assert recording is not None
        source = FromFile(self._services, recording, self._arrived, self.failed.emit)
        self._sources = {RAW: source}
        self.kind.choose(RAW)
        self.kind.buttons[READY].setEnabled(False)
        self._use(RAW)
        self._fit_pending = True
        self._services.start(self._look_through(source), self)

    def _show_decoding(self) -> None:
        """The preprocessed signal can be chosen, too."""
        result = self._session.result
        assert result is not None
        self._sources[READY] = InMemory(result)
        self.kind.buttons[READY].setEnabled(True)
        if self.kind.current == READY:
            self._use(READY, keep=True)

    def _show_bad(self) -> None:
        bad = set(self._session.bad)
        self.traces.set_marked([number for number, name in enumerate(self.traces.names) if name in bad])

    def show_error(self, error: BaseException) -> None:
        """For `services.start`: errors of reading are the tab's."""
        if isinstance(error, UserError):
            self.failed.emit(error)
        elif not isinstance(error, Cancelled):
            self._services.errors.report(error)

    async def _look_through(self, source: FromFile) -> None:
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
            if self._sources.get(RAW) is source:
                self._timer.stop()
        self.traces.refresh()

    def _use(self, kind: str, keep: bool = False) -> None:
        source = self._sources.get(kind)
        if source is None:
            return
        shown, first, rows = self.traces.shown_range(), self.traces.first, self.traces.rows
        self.traces.set_source(source.names, source.duration_s, source.columns, SHOWN_S)
        if keep:
            self.traces.show_range(*shown)
            self.traces.show_rows(first, rows)
        else:
            self._fit_channels()
        self._show_bad()
        self._range_changed(*self.traces.shown_range())

    def _kind_chosen(self, kind: str) -> None:
        self._use(kind, keep=True)
        self.fit()

    def ask_for_annotation(self) -> None:
        """Tell that one is wanted: at the cursor, or in the middle of what is shown."""
        if self._session.recording is not None:
            left, right = self.traces.shown_range()
            inside = self._cursor_s is not None and left <= self._cursor_s <= right
            self.add_wanted.emit(self._cursor_s if inside else (left + right) / 2)

    def show_time(self, seconds: float) -> None:
        """Move so that a moment is seen, unless it is already."""
        left, right = self.traces.shown_range()
        if not left <= seconds <= right:
            wide = right - left
            self.traces.show_range(seconds - 0.25 * wide, seconds + 0.75 * wide)

    def _cursor_at(self, x: float) -> None:
        if x == x:  # the mouse may have left for the button: where it was last is where it is meant
            self._cursor_s = x

    def fit(self) -> None:
        """Choose a height of rows in which the traces just stay apart."""
        self.traces.fit_rows()

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

    def _fit_channels(self) -> None:
        """As many channels as were asked for, and as can be told apart; all of them where all are wanted."""
        wanted = self.rows.currentData() or len(self.traces.names)
        if wanted == WELL_SEEN:
            wanted = min(wanted, self.traces.legible_rows())
        self.traces.show_rows(self.traces.first, wanted)

    def _follow_channels(self) -> None:
        """The bar at the right follows the view."""
        hidden = max(0, len(self.traces.names) - self.traces.rows)
        self.channel_bar.blockSignals(True)
        self.channel_bar.setRange(0, hidden)
        self.channel_bar.setPageStep(max(1, self.traces.rows))
        self.channel_bar.setValue(self.traces.first)
        self.channel_bar.blockSignals(False)
        self.channel_bar.setVisible(hidden > 0)

    def _scale(self, factor: float) -> None:
        self.traces.set_row_uv(self.traces.row_uv * factor)

    # Making -----------------------------------------------------------------------------------------------

    def _make(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.TINY)
        self.traces = TraceView(tr("EEG"))
        self.traces.set_empty_words(tr("Drop a recording of someone listening to speech, or try the sample"))
        self.traces.range_changed.connect(self._range_changed)
        self.traces.rows_moved.connect(self._follow_channels)
        self.traces.resized.connect(lambda: self._fit_channels() if self.traces.names else None)
        self.traces.channel_clicked.connect(
            lambda number: self._session.toggle_bad(self.traces.names[number])
        )
        self.traces.getPlotItem().getAxis("bottom").showLabel(False)  # it stands below r, on the same axis
        self.kind = Segments({RAW: tr("Raw"), READY: tr("Preprocessed")}, tr("Signal"))
        self.kind.buttons[READY].setEnabled(False)
        self.kind.chosen.connect(self._kind_chosen)
        self.rows = ElidedCombo(tr("Channels shown"), tr("How many channels are shown at once"))
        for count in (WELL_SEEN, 32, 8):
            self.rows.addItem(plural("{n} channel", "{n} channels", count), count)
        self.rows.addItem(tr("all channels"), 0)
        self.rows.setMinimumContentsLength(9)
        self.rows.currentIndexChanged.connect(lambda _index: self._fit_channels())
        head = QHBoxLayout()
        head.setSpacing(theme.TINY)
        head.addWidget(self.kind)
        head.addStretch(1)
        head.addWidget(self.rows)
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
        keeps = self.channel_bar.sizePolicy()
        keeps.setRetainSizeWhenHidden(True)  # the traces stay as wide as the plots below them
        self.channel_bar.setSizePolicy(keeps)
        self.channel_bar.valueChanged.connect(lambda value: self.traces.show_rows(value, self.traces.rows))
        middle.addWidget(self.channel_bar)
        column.addLayout(middle, 1)
        self.bar = QScrollBar(Qt.Orientation.Horizontal)
        self.bar.setAccessibleName(tr("Place in the recording"))
        self.bar.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the traces take the arrow keys
        self.bar.valueChanged.connect(self._bar_moved)
        column.addWidget(self.bar)
        self._follow_channels()
