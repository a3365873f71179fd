"""Under the lanes: play, loop, the place, what is drawn, how near."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QIcon, QPainter, QPixmap, QPolygonF
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from app import theme
from app.i18n import tr
from app.widgets.labels import Elided
from app.widgets.section import Segments
from app.widgets.time_axis import TimeAxis, time_words


class Transport(QWidget):
    """The row of controls, and a line that names the keys."""

    play_asked = Signal()
    start_asked = Signal()
    loop_changed = Signal(bool)
    mode_chosen = Signal(str)

    def __init__(self, axis: TimeAxis) -> None:
        super().__init__()
        self.axis = axis
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.TINY, 0, 0)
        column.setSpacing(theme.TINY)
        row = QHBoxLayout()
        row.setSpacing(theme.TINY)
        self.start = _tool("", tr("To the beginning (Home)"))
        self._draw_icon()
        theme.notifier.changed.connect(self._draw_icon)
        self.play = QPushButton(tr("▶ Play"))
        self.play.setProperty("kind", "small")
        self.play.setToolTip(tr("Play or pause (Space)"))
        self.play.setAccessibleName(tr("Play"))
        self.play.setMinimumWidth(84)
        self.loop = QPushButton(tr("Loop"))
        self.loop.setProperty("kind", "small")
        self.loop.setCheckable(True)
        self.loop.setChecked(True)
        self.loop.setToolTip(tr("Play a chosen stretch over and over (L)"))
        self.place = QLabel()
        self.place.setMinimumWidth(104)
        self.place.setAccessibleName(tr("Place"))
        self.region = Elided()
        self.region.setProperty("role", "hint")
        self.modes = Segments(
            {"waveform": tr("Waveform"), "spectrogram": tr("Spectrogram"), "both": tr("Both")}, tr("View")
        )
        for segment in self.modes.buttons.values():
            segment.setProperty("kind", "small")
            segment.setMaximumWidth(130)
        self.closer, self.wider = _tool("+", tr("Nearer (+)")), _tool("−", tr("Farther (−)"))
        self.all = _tool(tr("All"), tr("Show the whole recording (F)"))
        for button in (self.start, self.play, self.loop):
            row.addWidget(button)
        row.addSpacing(theme.SMALL)
        row.addWidget(self.place)
        row.addWidget(self.region, 1)
        row.addWidget(self.modes)
        for tool in (self.wider, self.closer, self.all):
            row.addWidget(tool)
        column.addLayout(row)
        keys = Elided(
            tr(
                "Space plays · 0 mixture · 1–9 one speaker · M mutes · arrows move · + − zoom · [ ] or drag: a stretch"
            )
        )
        keys.setProperty("role", "hint")
        column.addWidget(keys)
        self.play.clicked.connect(self.play_asked)
        self.start.clicked.connect(self.start_asked)
        self.loop.toggled.connect(self.loop_changed)
        self.modes.chosen.connect(self.mode_chosen)
        self.closer.clicked.connect(lambda: axis.zoom(0.5))
        self.wider.clicked.connect(lambda: axis.zoom(2.0))
        self.all.clicked.connect(axis.show_all)
        axis.head_changed.connect(self._show_place)
        axis.region_changed.connect(self._show_region)
        self._show_place()

    @property
    def looped(self) -> bool:
        return self.loop.isChecked()

    def set_ready(self, ready: bool) -> None:
        """Whether there is anything to play."""
        buttons = (self.start, self.play, self.loop, self.closer, self.wider, self.all)
        for button in (*buttons, *self.modes.buttons.values()):
            button.setEnabled(ready)
        self._show_place()
        self._show_region()

    def show_playing(self, playing: bool) -> None:
        """The button says Pause while there is something to be heard, else Play."""
        words = tr("❚❚ Pause") if playing else tr("▶ Play")
        if self.play.text() != words:
            self.play.setText(words)
            self.play.setAccessibleName(tr("Pause") if playing else tr("Play"))

    def show_mode(self, mode: str) -> None:
        """Mark ``waveform``, ``spectrogram`` or ``both`` as the one that is shown."""
        if self.modes.current != mode:
            self.modes.choose(mode)

    def _draw_icon(self) -> None:
        self.start.setIcon(_to_beginning())

    def _show_place(self) -> None:
        if not self.axis.duration_s:
            self.place.setText("")
            return
        here = time_words(self.axis.head_s or 0.0, 0.1)
        self.place.setText(f"{here} / {time_words(self.axis.duration_s, 0.1)}")

    def _show_region(self) -> None:
        region = self.axis.region
        if region is None:
            self.region.setText("")
            return
        step = 0.01 if region[1] - region[0] < 10 else 0.1
        words = tr(
            "chosen {first}–{last}, {seconds} s",
            first=time_words(region[0], step),
            last=time_words(region[1], step),
            seconds=f"{region[1] - region[0]:.2f}" if step < 0.1 else f"{region[1] - region[0]:.1f}",
        )
        self.region.setText(words)


def _to_beginning() -> QIcon:
    """A bar and a triangle that points at it; not every system's font has the sign."""
    picture = QPixmap(48, 48)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("text"))
    painter.drawRect(QRectF(9, 9, 6, 30))
    painter.drawPolygon(QPolygonF([QPointF(39, 9), QPointF(39, 39), QPointF(17, 24)]))
    painter.end()
    return QIcon(picture)


def _tool(text: str, words: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(words)
    button.setAccessibleName(words)
    button.setMinimumSize(28, 26)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return button
