"""The live curves of the runs that are ticked and of the one that is selected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from app import theme
from app.i18n import tr
from app.training.runs import Series, WatchedRun
from app.training.words import base_name, figure_words, metric_words, progress_words, title_of
from app.widgets.labels import Elided
from app.widgets.plot import Line, Plot

REDRAW_MS = 66
LOGARITHMIC = ("learning_rate", "gradient_norm")


@dataclass(frozen=True)
class Shown:
    """A run in the plot and its colour."""

    run: WatchedRun
    color: str


class Curves(QWidget):
    """One figure at a time, validation solid and training dashed, a colour a run.

    Redrawn from one timer, which runs only while the widget is visible and something has changed.
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown: list[Shown] = []
        self._selected: WatchedRun | None = None
        self._drawn: tuple[object, ...] = ()
        self._lines: dict[tuple[str, str], Line] = {}
        self._touched = False  # whether the person chose the figure or the axis
        self._scale_touched = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.MEDIUM, theme.SMALL, theme.MEDIUM, theme.TINY)
        layout.setSpacing(2)
        layout.addWidget(self._make_head())
        self.plot = Plot(tr("Training curves"), tr("epoch"), "", " ", "", background="page")
        self.plot.set_home()
        self.best = pg.ScatterPlotItem(size=8, symbol="d", pxMode=True)
        self.best.setZValue(20)
        self.plot.addItem(self.best)
        layout.addWidget(self.plot, 1)
        self.empty = QLabel(tr("Choose a run to see its curves."))
        self.empty.setProperty("role", "hint")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout.addWidget(self.empty, 1)
        self._timer = QTimer(self)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self._redraw_if_new)
        theme.notifier.changed.connect(self._draw_again)

    def _make_head(self) -> QWidget:
        self.head = QWidget()
        row = QHBoxLayout(self.head)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SMALL)
        self.figure_box = QComboBox()
        self.figure_box.setAccessibleName(tr("Figure"))
        self.figure_box.setToolTip(tr("Which figure to draw"))
        self.figure_box.setProperty("kind", "small")
        self.figure_box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.figure_box.setMinimumWidth(130)
        self.figure_box.activated.connect(self._figure_chosen)
        self.progress = Elided()
        self.progress.setProperty("role", "hint")
        self.smoothing = QSlider()
        self.smoothing.setOrientation(Qt.Orientation.Horizontal)
        self.smoothing.setRange(0, 95)
        self.smoothing.setFixedWidth(70)
        self.smoothing.setAccessibleName(tr("Smoothing"))
        self.smoothing.setToolTip(tr("Smoothing: a running mean, 0 to 0.95"))
        self.smoothing.valueChanged.connect(self._draw_again)
        self.smooth_label = QLabel(tr("smooth"))
        self.smooth_label.setProperty("role", "hint")
        self.logarithmic = QCheckBox(tr("log"))
        self.logarithmic.setProperty("role", "hint")
        self.logarithmic.setToolTip(tr("Logarithmic axis"))
        self.logarithmic.clicked.connect(self._scale_chosen)
        row.addWidget(self.figure_box)
        row.addWidget(self.progress, 1)
        for widget in (self.smooth_label, self.smoothing, self.logarithmic):
            row.addWidget(widget)
        self.head.hide()
        return self.head

    # What to show -----------------------------------------------------------------------------------------

    def show_runs(self, shown: list[Shown], selected: WatchedRun | None) -> None:
        """Draw these runs; the progress line speaks of `selected`."""
        other = (selected.system if selected else "") != (self._selected.system if self._selected else "")
        self._shown, self._selected = shown, selected
        if other:
            self._touched = self._scale_touched = False
        self._draw_again()

    def news(self) -> None:
        """Something was reported: look at the next tick."""
        if self.isVisible() and not self._timer.isActive():
            self._timer.start()

    @property
    def redrawing(self) -> bool:
        """Whether the timer runs."""
        return self._timer.isActive()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._draw_again()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_row()

    def _fit_row(self) -> None:
        """Where there is little room, the words go before the controls do."""
        self.smooth_label.setVisible(self.width() > 480)

    def hideEvent(self, event: QHideEvent) -> None:
        self._timer.stop()
        super().hideEvent(event)

    def _figure_chosen(self) -> None:
        self._touched = True
        self._scale_touched = False
        self._draw_again()

    def _scale_chosen(self) -> None:
        self._scale_touched = True
        self._draw_again()

    def _draw_again(self) -> None:
        self._drawn = ()
        self.news()

    def _redraw_if_new(self) -> None:
        now = (
            tuple((item.run.path, item.color, item.run.version) for item in self._shown),
            self.figure_box.currentData(),
        )
        if now == self._drawn:
            self._timer.stop()
            return
        self.redraw()
        self._drawn = (now[0], self.figure_box.currentData())

    # Drawing ----------------------------------------------------------------------------------------------

    def redraw(self) -> None:
        """Draw everything there is now."""
        self._offer_figures()
        name = self.figure_box.currentData() or ""
        if not self._scale_touched:
            self.logarithmic.setChecked(name in LOGARITHMIC)
        self.plot.set_log_y(self.logarithmic.isChecked())
        wanted: dict[tuple[str, str], tuple[Series, Shown, bool]] = {}
        for item in self._shown:
            for split, series in figure_series(item.run, name):
                wanted[str(item.run.path), split] = (series, item, split == "train")
        for key in [key for key in self._lines if key not in wanted]:
            self._lines.pop(key).remove()
        several = len(self._shown) > 1
        spots = []
        for key, (series, item, dashed) in wanted.items():
            line = self._lines.get(key)
            if line is None:
                line = self._lines[key] = self.plot.line("", item.color, dashed=dashed)
            line.name = _line_name(item.run, key[1], several)
            if line.color != item.color:
                line.set_color(item.color)
            x, y = np.array(series.x), smoothed(np.array(series.y), self.smoothing.value() / 100)
            line.set(x, y)
            best = item.run.story.best_epoch
            if not dashed and best is not None and f"validation/{name}" in best.values:
                spots.append(
                    {"pos": (best.epoch, self.plot.scaled(line.at(best.epoch) or 0.0)), "brush": item.color}
                )
        page = theme.current().page
        self.best.setData(spots, pen=pg.mkPen(page, width=1))
        legend = tr("— validation  ┄ training") if any(split for _, split in wanted) else ""
        words = "    ".join(part for part in (tr("epoch"), legend) if part)
        self.plot.getPlotItem().getAxis("bottom").setLabel(words)
        self.empty.setVisible(not wanted)
        self.head.setVisible(bool(self._shown))
        self.plot.setVisible(bool(wanted))
        if self._selected is not None:
            self.empty.setText(tr("No figures yet. They come with the first steps."))
            self.progress.setText(self._progress_text(name))
        else:
            self.empty.setText(tr("Choose a run to see its curves."))
            self.progress.setText("")

    def _progress_text(self, name: str) -> str:
        assert self._selected is not None
        words = progress_words(self._selected)
        best = self._selected.story.best_epoch
        value = best.values.get(f"validation/{name}") if best is not None else None
        if best is not None and value is not None:
            words += " · " + tr("best {value} at epoch {epoch}", value=figure_words(value), epoch=best.epoch)
        return words

    def _offer_figures(self) -> None:
        names: dict[str, None] = {}
        for item in self._shown:
            for name in [*item.run.epochs, *item.run.steps]:
                names.setdefault(base_name(name))
        known = [self.figure_box.itemData(index) for index in range(self.figure_box.count())]
        chosen = self.figure_box.currentData()
        if list(names) != known:
            self.figure_box.clear()
            for name in names:
                self.figure_box.addItem(metric_words(name), name)
        first = base_name(self._selected.metric) if self._selected is not None else ""
        wanted = chosen if self._touched and chosen in names else first if first in names else chosen
        self.figure_box.setCurrentIndex(max(0, self.figure_box.findData(wanted)) if names else -1)
        self.figure_box.setEnabled(bool(names))


def figure_series(run: WatchedRun, name: str) -> list[tuple[str, Series]]:
    """The curves of a figure: (``validation`` | ``train`` | nothing, series). By the epoch where there are epochs."""
    found: list[tuple[str, Series]] = []
    for split in ("validation", "train"):
        full = f"{split}/{name}"
        by_epoch, by_step = run.epochs.get(full), run.steps.get(full)
        series = by_epoch if by_epoch is not None and len(by_epoch.y) > 1 else by_step or by_epoch
        if series is not None:
            found.append((split, series))
    if not found:
        bare = run.steps.get(name) or run.epochs.get(name)
        if bare is not None:
            found.append(("", bare))
    return found


def smoothed(values: np.ndarray, weight: float) -> np.ndarray:
    """Running mean: each value is ``weight`` of the one before and the rest of its own, corrected for the start."""
    if weight <= 0 or len(values) < 2:
        return values
    clean = np.nan_to_num(values)
    result = np.empty(len(clean))
    held, share = 0.0, 0.0
    for index, value in enumerate(clean.tolist()):
        held = weight * held + (1 - weight) * value
        share = weight * share + (1 - weight)
        result[index] = held / share
    return result


def _line_name(run: WatchedRun, split: str, several: bool) -> str:
    words = {"validation": tr("validation"), "train": tr("training")}.get(split, "")
    return " ".join(part for part in ((title_of(run) if several else ""), words) if part)
