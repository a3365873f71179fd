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
from app.training.series import figure_series, loss_scale, mean_and_sd, places, smoothed
from app.training.watched import WatchedRun
from app.training.words import base_name, metric_words, title_of
from app.widgets.combo import ElidedCombo
from app.widgets.decimate import minmax
from app.widgets.line_samples import LineSamples
from app.widgets.plot import Plot
from app.widgets.plot_items import Line
from models.training.record import Series

REDRAW_MS = 66
LINE_PX = 2.0
LOGARITHMIC = ("learning_rate", "gradient_norm")
AXES = ("epoch", "step", "time")


@dataclass(frozen=True)
class Shown:
    """A run in the plot and its colour."""

    run: WatchedRun
    color: str


@dataclass(frozen=True)
class Curve:
    """One series of a shown run."""

    shown: Shown
    split: str
    series: Series


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
        self._bands: dict[str, pg.FillBetweenItem] = {}
        self._touched = False  # whether the person chose the figure or the axis
        self._scale_touched = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.MEDIUM, theme.SMALL, theme.MEDIUM, theme.TINY)
        layout.setSpacing(2)
        layout.addWidget(self._make_head())
        self.scale_note = QLabel()
        self.scale_note.setProperty("role", "hint")
        self.scale_note.setWordWrap(True)
        self.scale_note.hide()
        layout.addWidget(self.scale_note)
        self.plot = Plot(tr("Training curves"), tr("epoch"), "", " ", "", background="page")
        self.plot.set_home()
        self.best = pg.ScatterPlotItem(size=8, symbol="d", pxMode=True)
        self.best.setZValue(theme.Z.MARK)
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
        self.figure_box = ElidedCombo(tr("Figure"), tr("Which figure to draw"), wide=True)
        self.figure_box.setProperty("kind", "small")
        self.figure_box.setMinimumWidth(130)
        self.figure_box.activated.connect(self._figure_chosen)
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
        self.axis_box = QComboBox()
        self.axis_box.setAccessibleName(tr("Axis"))
        self.axis_box.setToolTip(tr("What the curves are laid along"))
        self.axis_box.setProperty("kind", "small")
        self.axis_box.setMinimumWidth(100)
        for key, words in zip(AXES, (tr("by epoch"), tr("by step"), tr("by time")), strict=True):
            self.axis_box.addItem(words, key)
        self.axis_box.activated.connect(self._axis_chosen)
        self.grouped = QCheckBox(tr("mean ± sd"))
        self.grouped.setProperty("role", "hint")
        self.grouped.setToolTip(
            tr("Draw each group of runs as its mean, with the standard deviation as a band")
        )
        self.grouped.clicked.connect(self._draw_again)
        row.addWidget(self.figure_box)
        row.addWidget(self.axis_box)
        row.addStretch(1)
        self.samples = LineSamples()
        row.addWidget(self.samples)
        row.addSpacing(theme.SMALL)
        for widget in (self.grouped, self.smooth_label, self.smoothing, self.logarithmic):
            row.addWidget(widget)
        self.head.hide()
        return self.head

    # What to show -----------------------------------------------------------------------------------------

    def show_runs(self, shown: list[Shown], selected: WatchedRun | None) -> None:
        """Draw these runs; what their losses are measured against is that of `selected`."""
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
        self.smooth_label.setVisible(self.width() > 760)
        self.smoothing.setVisible(self.width() > 540)
        self.samples.setVisible(self.width() > 400)
        self.figure_box.setMinimumWidth(130 if self.width() > 400 else 90)

    def hideEvent(self, event: QHideEvent) -> None:
        self._timer.stop()
        super().hideEvent(event)

    def _figure_chosen(self) -> None:
        self._touched = True
        self._scale_touched = False
        self._draw_again()

    def _axis_chosen(self) -> None:
        self.plot.reset()
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
        name, axis = self.figure_box.currentData() or "", self.axis_box.currentData()
        if not self._scale_touched:
            self.logarithmic.setChecked(name in LOGARITHMIC)
        self.plot.set_log_y(self.logarithmic.isChecked())
        curves, left_out = self._wanted(name)
        in_groups = {item.run.group for item in self._shown if item.run.group}
        self.grouped.setVisible(bool(in_groups))
        if in_groups and self.grouped.isChecked():
            drawn = self._draw_groups(curves, axis)
        else:
            drawn = self._draw_each(curves, axis)
        for key in [key for key in self._lines if key not in drawn]:
            self._lines.pop(key).remove()
        for group in [group for group in self._bands if ("band", group) not in drawn]:
            self.plot.removeItem(self._bands.pop(group))
        self._draw_best(name, axis, drawn)
        splits = {curve.split for curve in curves}
        self.samples.show_samples(
            [
                (words, split == "train")
                for split, words in (("validation", tr("validation")), ("train", tr("training")))
                if split in splits
            ]
        )
        folds = bool(curves) and all(curve.shown.run.folding is not None for curve in curves)
        axis_words = (
            tr("fold")
            if folds
            else {"epoch": tr("epoch"), "step": tr("step"), "time": tr("minutes of training")}[axis]
        )
        self.plot.getPlotItem().getAxis("bottom").setLabel(axis_words)
        self.empty.setVisible(not curves)
        self.head.setVisible(bool(self._shown))
        self.plot.setVisible(bool(curves))
        self.scale_note.setVisible(bool(left_out))
        if left_out:
            self.scale_note.setText(
                tr(
                    "The losses of {names} are on another scale, so they are not drawn beside this one.",
                    names=", ".join(left_out),
                )
            )
        if self._selected is not None:
            self.empty.setText(tr("No figures yet. They come with the first steps."))
        else:
            self.empty.setText(tr("Choose a run to see its curves."))

    def _wanted(self, name: str) -> tuple[list[Curve], list[str]]:
        """(the curves of the figure, names of runs whose losses measure something else than the selected one's)."""
        scales = {}
        measured = self._selected or (self._shown[0].run if self._shown else None)
        if name == "loss" and measured is not None:
            scales = {split: loss_scale(measured, split) for split in ("train", "validation")}
        curves, left_out = [], []
        for item in self._shown:
            for split, series in figure_series(item.run, name, self.axis_box.currentData() == "epoch"):
                if split in scales and loss_scale(item.run, split) != scales[split]:
                    left_out.append(title_of(item.run))
                else:
                    curves.append(Curve(item, split, series))
        return curves, list(dict.fromkeys(left_out))

    def _draw_each(self, curves: list[Curve], axis: str) -> set[tuple[str, str]]:
        several = len(self._shown) > 1
        drawn = set()
        for curve in curves:
            item = curve.shown
            key = (str(item.run.path), curve.split)
            line = self._line(key, item.color, curve.split == "train")
            line.name = _line_name(item.run, curve.split, several)
            line.set(
                places(item.run, curve.series, axis), smoothed(curve.series.y, self.smoothing.value() / 100)
            )
            drawn.add(key)
        return drawn

    def _draw_groups(self, curves: list[Curve], axis: str) -> set[tuple[str, str]]:
        """A line and a band a group and split; runs without a group stand for themselves."""
        members: dict[tuple[str, str], list[Curve]] = {}
        for curve in curves:
            group = curve.shown.run.group or title_of(curve.shown.run)
            members.setdefault((group, curve.split), []).append(curve)
        drawn = set()
        for (group, split), some in members.items():
            color = some[0].shown.color
            weight = self.smoothing.value() / 100
            x, mean, sd = mean_and_sd(
                [(places(c.shown.run, c.series, axis), smoothed(c.series.y, weight)) for c in some]
            )
            key = (f"group {group}", split)
            line = self._line(key, color, split == "train")
            line.name = f"{group} ({len(some)}) " + {
                "validation": tr("validation"),
                "train": tr("training"),
            }.get(split, "")
            line.set(x, mean)
            drawn.add(key)
            if len(some) > 1 and split != "train":
                self._draw_band(group, color, x, mean - sd, mean + sd)
                drawn.add(("band", group))
        return drawn

    def _draw_band(self, group: str, color: str, x: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
        band = self._bands.get(group)
        if band is None:
            band = self._bands[group] = pg.FillBetweenItem(pg.PlotCurveItem(), pg.PlotCurveItem())
            band.setZValue(theme.Z.SPREAD)
            self.plot.addItem(band)
        fill = theme.color(color)
        fill.setAlphaF(0.18)
        band.setBrush(fill)
        for edge, y in ((band.curves[0], low), (band.curves[1], high)):
            x_few, y_few = minmax(x, y, 1000)
            edge.setData(x_few, np.array([self.plot.scaled(value) for value in y_few.tolist()]))

    def _line(self, key: tuple[str, str], color: str, dashed: bool) -> Line:
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = self.plot.line("", color, width=LINE_PX, dashed=dashed)
        if line.color != color:
            line.set_color(color)
        return line

    def _draw_best(self, name: str, axis: str, drawn: set[tuple[str, str]]) -> None:
        """A diamond at each run's best epoch."""
        spots = []
        for item in self._shown:
            best, series = item.run.story.best_epoch, item.run.epochs.get(f"validation/{name}")
            key = (str(item.run.path), "validation")
            if best is None or series is None or key not in drawn:
                continue
            at = int(np.searchsorted(series.x, best.epoch))
            if at < len(series):
                x = float(places(item.run, series, axis)[at])
                y = self._lines[key].at(x) or 0.0
                ink = theme.stroke(item.color, self.plot.surface)
                spots.append({"pos": (x, self.plot.scaled(y)), "brush": ink})
        self.best.setData(spots, pen=pg.mkPen(theme.current().page, width=1))

    def _offer_figures(self) -> None:
        names: dict[str, None] = {}
        for item in self._shown:
            for name in [*item.run.epochs, *item.run.steps]:
                if "." not in name:  # ``gate.harp.1``: of a single module, for the tab of its system
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


def _line_name(run: WatchedRun, split: str, several: bool) -> str:
    words = {"validation": tr("validation"), "train": tr("training"), "test": tr("folds")}.get(split, "")
    return " ".join(part for part in ((title_of(run) if several else ""), words) if part)
