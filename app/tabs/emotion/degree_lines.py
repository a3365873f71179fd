"""The degrees of a recording over time, as curves under its sound."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF

from app import theme
from app.i18n import digits, tr
from app.tabs.emotion.degrees import degree_figure, degree_pen, degree_words, degrees_text
from app.tabs.emotion.on_axis import OnAxis
from app.widgets.decimate import minmax
from app.widgets.described import Description, curve_words, listed

STRIP, LEGEND = 72, 20
MARGIN_PX = 5  # between the strip's edges and 0 and 1
MARKS = (0.0, 0.5, 1.0)
STROKE_PX = 20  # of a curve in the legend


class DegreeLines(OnAxis):
    """A curve a dimension, from 0 to 1; a gap where nobody speaks. Beside the legend, the values under the cursor."""

    def __init__(self) -> None:
        super().__init__(STRIP)
        self._names: tuple[str, ...] = ()
        self._edges = np.zeros(1)  # [windows + 1], seconds
        self._values = np.zeros((0, 0))  # [windows, dimensions]; NaN where nobody speaks
        self._paths: tuple[tuple[float, ...], list[QPainterPath]] | None = (
            None  # for what place, and a path a dimension
        )
        self.setAccessibleName(tr("Degrees over time"))
        self._description = Description(self, self.in_words)

    def sizeHint(self) -> QSize:
        return QSize(300, STRIP + LEGEND)

    def show_curves(
        self, names: Sequence[str], starts_s: np.ndarray, ends_s: np.ndarray, values: np.ndarray
    ) -> None:
        """Stretches that follow one another, float [n] seconds, and float [n, dimensions], NaN where nobody speaks."""
        self._names, self._values = tuple(names), np.asarray(values, float)
        self._edges = np.append(starts_s, ends_s[-1:]) if len(starts_s) else np.zeros(1)
        self._paths = None
        self._description.changed()
        self.update()

    def show_nothing(self) -> None:
        """An empty strip with the same legend."""
        self.show_curves(self._names, np.zeros(0), np.zeros(0), np.zeros((0, len(self._names))))
        self._head = None

    def holds_something(self) -> bool:
        """Whether there are curves."""
        return bool(len(self._values))

    def own_span(self) -> tuple[float, float]:
        """The recording's."""
        return float(self._edges[0]), max(float(self._edges[-1]), float(self._edges[0]) + 1.0)

    def runs(self, number: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """The curve of a dimension in pieces without a pause, (seconds, values): through the middles of the stretches, level from
        the beginning of the first and to the end of the last."""
        values, result = self._values[:, number], []
        spoken = np.isfinite(values)
        bounds = np.flatnonzero(np.diff(np.concatenate([[False], spoken, [False]]).astype(int)))
        for first, last in zip(bounds[::2], bounds[1::2], strict=True):
            edges, inside = self._edges[first : last + 1], values[first:last]
            middles = (edges[1:] + edges[:-1]) / 2
            times = np.concatenate([edges[:1], middles, edges[-1:]])
            result.append((times, np.concatenate([inside[:1], inside, inside[-1:]])))
        return result

    def at(self, time_s: float) -> np.ndarray | None:
        """float [dimensions] of the stretch at that time; None where nobody speaks, or there is none."""
        place = int(np.searchsorted(self._edges, time_s, "right")) - 1
        if not 0 <= place < len(self._values) or not np.isfinite(self._values[place]).all():
            return None
        values: np.ndarray = self._values[place]
        return values

    def in_words(self) -> str:
        """Each curve by its ends and its extremes."""
        middles = (self._edges[1:] + self._edges[:-1]) / 2
        said = [
            curve_words(
                degree_words(name),
                middles,
                self._values[:, number],
                lambda x: f"{digits(x, '.1f')} s",
                degree_figure,
            )
            for number, name in enumerate(self._names)
            if len(self._values)
        ]
        return listed([words for words in said if words])

    # Drawing ----------------------------------------------------------------------------------------------

    def _y_of(self, value: float) -> float:
        room = STRIP - 2 * MARGIN_PX
        return MARGIN_PX + (1 - float(np.clip(value, 0, 1))) * room

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._draw_back(painter)
        strip = self._strip()
        painter.setPen(QPen(theme.color("line"), 1))
        for mark in MARKS:
            painter.drawLine(
                QPointF(strip.left(), self._y_of(mark)), QPointF(strip.right(), self._y_of(mark))
            )
        painter.setClipRect(strip)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for name, path in zip(self._names, self._paths_now(), strict=True):
            painter.setPen(degree_pen(name))
            painter.drawPath(path)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        self._draw_times(painter)
        painter.setClipping(False)
        self._draw_legend(painter)
        painter.end()

    def _paths_now(self) -> list[QPainterPath]:
        """Each dimension's pieces where they are drawn now; made anew where the view or the contents have changed."""
        strip, (first, last) = self._strip(), self._span()
        place = (strip.left(), strip.width(), first, last)
        if self._paths is None or self._paths[0] != place:
            scale = strip.width() / (last - first)
            made = []
            for number in range(len(self._names)):
                path = QPainterPath()
                for times, values in self.runs(number):
                    x, y = minmax(times, values, 2 * max(1, round(strip.width())))
                    x = strip.left() + (x - first) * scale
                    y = MARGIN_PX + (1 - np.clip(y, 0, 1)) * (STRIP - 2 * MARGIN_PX)
                    path.addPolygon(
                        QPolygonF([QPointF(*pair) for pair in zip(x.tolist(), y.tolist(), strict=True)])
                    )
                made.append(path)
            self._paths = (place, made)
        return self._paths[1]

    def _draw_legend(self, painter: QPainter) -> None:
        strip = self._strip()
        x, middle = strip.left(), STRIP + LEGEND / 2
        for name in self._names:
            painter.setPen(degree_pen(name))
            painter.drawLine(QPointF(x, middle), QPointF(x + STROKE_PX, middle))
            painter.setPen(theme.color("muted"))
            words = degree_words(name)
            painter.drawText(QPointF(x + STROKE_PX + 5, middle + 4), words)
            x += STROKE_PX + 5 + painter.fontMetrics().horizontalAdvance(words) + theme.MEDIUM
        values = self.at(self._cursor) if np.isfinite(self._cursor) else None
        scale = tr("0 to 1") if values is None else degrees_text(self._names, values)
        painter.setPen(theme.color("muted"))
        right = QRectF(x, STRIP, max(0.0, strip.right() - x), LEGEND)
        painter.drawText(right, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, scale)
