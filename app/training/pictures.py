"""The pictures of a run, epoch by epoch: a confusion matrix, curves, clouds, bars, answers: whatever its task offers."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap, QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSlider, QStackedWidget, QVBoxLayout, QWidget

from app import theme
from app.i18n import plural, tr, translate
from app.training.watched import WatchedRun
from app.widgets.answers import Answers
from app.widgets.confusion import ConfusionMatrix
from app.widgets.described import listed
from app.widgets.plain import markup, tip
from app.widgets.plot import Plot, figure
from app.widgets.plot_items import Line
from models.training import events, pictures

log = logging.getLogger("polyphony.training")


class Pictures(QWidget):
    """One picture at a time; the slider goes through the epochs and follows a run that goes on."""

    def __init__(self) -> None:
        super().__init__()
        self._run: WatchedRun | None = None
        self._count = 0
        self._shown = ""
        self._pixmap = QPixmap()
        self._lines: list[Line] = []
        self._marks: list[pg.GraphicsObject] = []  # points and bars
        self._drawn: pictures.Lines | pictures.Points | pictures.Bars | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.MEDIUM, 0, theme.MEDIUM, theme.TINY)
        layout.setSpacing(theme.TINY)
        row = QHBoxLayout()
        self.title = QComboBox()
        self.title.setProperty("kind", "small")
        self.title.setAccessibleName(tr("Picture"))
        self.title.setToolTip(tr("Which picture to show"))
        self.title.activated.connect(lambda _index: self._offer_epochs(follow=True))
        self.epoch = QSlider(Qt.Orientation.Horizontal)
        self.epoch.setAccessibleName(tr("Epoch of the picture"))
        self.epoch.setToolTip(tr("From which epoch"))
        self.epoch.valueChanged.connect(self._draw)
        self.words = QLabel()
        self.words.setProperty("role", "hint")
        self.words.setMinimumWidth(70)
        row.addWidget(self.title)
        row.addWidget(self.epoch, 1)
        row.addWidget(self.words)
        layout.addLayout(row)
        self.nothing = QLabel(tr("Pictures come with the first epoch, where the system draws some."))
        self.nothing.setProperty("role", "hint")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.matrix = ConfusionMatrix()
        self.matrix.setMinimumSize(160, 100)
        self.plot = Plot(tr("Picture"), " ", "", " ", "", background="page")
        self.plot.more_words = self._marks_in_words
        self.answers = Answers()
        self.image = QLabel()
        self.image.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.image.setMinimumSize(1, 1)
        self.pages = QStackedWidget()
        for page in (self.nothing, self.matrix, self.plot, self.answers, self.image):
            self.pages.addWidget(page)
        layout.addWidget(self.pages, 1)

    def show_run(self, run: WatchedRun | None) -> None:
        """Show the pictures of another run, the newest epoch first, or of none."""
        if run is not self._run:
            self._run, self._count = run, -1
            self.epoch.setRange(0, 0)  # the newest is shown first
        self.refresh()

    def refresh(self) -> None:
        """Take in pictures that have come since."""
        pictures = self._run.record.pictures if self._run is not None else []
        if len(pictures) == self._count:
            return
        self._count = len(pictures)
        titles = list(
            dict.fromkeys(item.title for item in pictures)
        )  # the summary comes last, and stays there
        if titles != [self.title.itemData(index) for index in range(self.title.count())]:
            chosen = self.title.currentData()
            self.title.clear()
            for title in titles:
                self.title.addItem(translate(title), title)
            self.title.setCurrentIndex(max(0, self.title.findData(chosen)) if titles else -1)
        self._offer_epochs(follow=self.epoch.value() == self.epoch.maximum())

    def _pictures(self) -> list[events.Picture]:
        """The pictures of the chosen title, one an epoch: a resumed run may have drawn one again."""
        pictures = self._run.record.pictures if self._run is not None else []
        by_epoch = {item.epoch: item for item in pictures if item.title == self.title.currentData()}
        return [by_epoch[epoch] for epoch in sorted(by_epoch)]

    def _offer_epochs(self, follow: bool) -> None:
        pictures = self._pictures()
        self.epoch.blockSignals(True)
        self.epoch.setRange(0, max(0, len(pictures) - 1))
        if follow:
            self.epoch.setValue(len(pictures) - 1)
        self.epoch.blockSignals(False)
        self.epoch.setVisible(len(pictures) > 1)
        self.title.setVisible(bool(pictures))
        self._draw()

    def _draw(self) -> None:
        pictures = self._pictures()
        if not pictures or self._run is None:
            self.words.setText("")
            self.nothing.setText(tr("Pictures come with the first epoch, where the system draws some."))
            self.pages.setCurrentWidget(self.nothing)
            return
        picture = pictures[min(self.epoch.value(), len(pictures) - 1)]
        self.words.setText(tr("epoch {epoch}", epoch=picture.epoch))
        try:
            self._show_one(self._load(self._run.path, picture.path))
        except Exception as error:  # a file that anybody may have written
            log.warning("%s: the picture %s cannot be shown: %s", self._run.path, picture.path, error)
            self.nothing.setText(tr("This picture cannot be read."))
            self.pages.setCurrentWidget(self.nothing)

    @staticmethod
    def _load(folder: Path, name: str) -> pictures.Shown | None:
        """The picture of a file below the run's folder; None for any other."""
        path = (folder / name).resolve()
        return pictures.load(path) if path.is_relative_to(folder.resolve()) else None

    def _show_one(self, shown: pictures.Shown | None) -> None:
        if isinstance(shown, pictures.Matrix):
            self.matrix.set_values(
                np.array(shown.counts).round().astype(int), [translate(label) for label in shown.labels]
            )
            self.pages.setCurrentWidget(self.matrix)
        elif isinstance(shown, pictures.Lines | pictures.Points | pictures.Bars):
            self._draw_plot(shown)
            self.pages.setCurrentWidget(self.plot)
        elif isinstance(shown, pictures.Gallery):
            self.answers.set_rows(shown.words, shown.pictures, shown.right)
            self.pages.setCurrentWidget(self.answers)
        elif isinstance(shown, pictures.Image):
            self.image.setAccessibleName(translate(str(self.title.currentData())))
            self._pixmap = QPixmap()
            self._pixmap.loadFromData(shown.png)
            self._fit()
            self.pages.setCurrentWidget(self.image)
        else:
            self.nothing.setText(tr("This picture cannot be read."))
            self.pages.setCurrentWidget(self.nothing)

    def _draw_plot(self, shown: pictures.Lines | pictures.Points | pictures.Bars) -> None:
        for line in self._lines:
            line.remove()
        for mark in self._marks:
            self.plot.removeItem(mark)
        self._lines, self._marks, self._drawn = [], [], shown
        self.plot.description.changed()
        bottom = self.plot.getPlotItem().getAxis("bottom")
        bottom.setTicks(None)
        bottom.setLabel("" if isinstance(shown, pictures.Bars) else markup(translate(shown.x_title)))
        self.plot.getPlotItem().getAxis("left").setLabel(markup(translate(shown.y_title)))
        if isinstance(shown, pictures.Lines):
            for (name, values), color in zip(shown.lines.items(), theme.CATEGORIES * 4, strict=False):
                self._line(shown.x, values, color, translate(name))
            bottom.setLabel(f"{markup(translate(shown.x_title))}  {_legend(shown.lines)}")
        elif isinstance(shown, pictures.Points):
            self._mark(pg.ScatterPlotItem(shown.x, shown.y, size=5, pen=None, brush=theme.BLUE + "90"))
            if shown.diagonal and shown.x:
                ends = [min(shown.x), max(shown.x)]
                self._line(ends, ends, "muted", tr("equal"), dashed=True)
        else:
            self._draw_bars(shown)
        self.plot.reset()

    def _marks_in_words(self) -> str:
        """Points and bars for who cannot see them; lines are told by the plot."""
        shown = self._drawn
        if isinstance(shown, pictures.Points):
            return plural("{n} point", "{n} points", len(shown.x))
        if not isinstance(shown, pictures.Bars):
            return ""
        labels = [translate(label) for label in shown.labels]
        groups = {name: zip(labels, values, strict=False) for name, values in shown.groups.items()}
        return listed(
            [
                f"{translate(name)}: " + ", ".join(f"{label} {figure(value)}" for label, value in pairs)
                for name, pairs in groups.items()
            ]
        )

    def _draw_bars(self, shown: pictures.Bars) -> None:
        width = 0.8 / max(1, len(shown.groups))
        places = np.arange(len(shown.labels))
        for number, ((name, values), color) in enumerate(
            zip(shown.groups.items(), theme.CATEGORIES * 4, strict=False)
        ):
            left = places - 0.4 + number * width
            bars = pg.BarGraphItem(x0=left, width=width, height=np.array(values), brush=color, pen=None)
            bars.setToolTip(tip(translate(name)))
            self._mark(bars)
        labels = [(float(place), translate(label)) for place, label in enumerate(shown.labels)]
        self.plot.getPlotItem().getAxis("bottom").setTicks([labels])
        self.plot.getPlotItem().getAxis("bottom").setLabel(_legend(shown.groups))

    def _line(self, x: list[float], y: list[float], color: str, name: str, dashed: bool = False) -> None:
        line = self.plot.line(name, color, dashed=dashed)
        line.set(np.array(x), np.array(y))
        self._lines.append(line)

    def _mark(self, item: pg.GraphicsObject) -> None:
        self.plot.addItem(item)
        self._marks.append(item)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if not self._pixmap.isNull():
            size = self.pages.size() * self.devicePixelRatioF()
            fitted = self._pixmap.scaled(
                size, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            fitted.setDevicePixelRatio(self.devicePixelRatioF())
            self.image.setPixmap(fitted)


def _legend(names: Iterable[str]) -> str:
    """The names with the mark of their colour; nothing needs to be told apart where there is only one."""
    marked = [
        f"<span style='color: {color}'>■</span> {markup(translate(name))}"
        for name, color in zip(names, theme.CATEGORIES * 4, strict=False)
    ]
    return "  ".join(marked) if len(marked) > 1 else ""
