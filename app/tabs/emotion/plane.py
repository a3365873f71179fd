"""The plane of valence and arousal: where a voice is now, and how it came there."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import theme
from app.i18n import tr
from app.tabs.emotion.degrees import degree_figure
from app.widgets.described import Description

TRAIL_S = 30.0
SIDE_PX, LEAST_PX = 176, 120
POINT_PX, DOT_PX = 5.0, 1.5  # radius of the point, and of what the trail is made of
FAINTEST, WHOLE = 0.12, 0.35  # opacity of the oldest of the trail, and of a path that has no present


class Plane(QWidget):
    """Valence to the right and arousal upwards, from 0 to 1 each; what is beyond lies on the edge.

    Live, points are added one after the other (`add`). Of a recording all of them are shown (`show_path`), and at a time of it
    (`set_time`) the point there with the trail that leads to it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._times = np.zeros(0)
        self._points = np.zeros((0, 2))  # NaN where nobody speaks
        self._now: float | None = None
        self._whole: np.ndarray | None = None  # the point of a recording as a whole
        self._dimmed = False
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.setAccessibleName(tr("Plane of valence and arousal"))
        self._description = Description(self, self.in_words)
        theme.notifier.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(SIDE_PX, SIDE_PX)

    def minimumSizeHint(self) -> QSize:
        return QSize(SIDE_PX, LEAST_PX)

    # Contents ---------------------------------------------------------------------------------------------

    def show_nothing(self) -> None:
        """No point and no trail."""
        self.show_path(np.zeros(0), np.zeros((0, 2)), None)

    def add(self, time_s: float, point: np.ndarray | None) -> None:
        """What the newest window came to: float [2], valence and arousal; None where nobody speaks. Keeps the last 30 s."""
        kept = self._times > time_s - TRAIL_S
        new = np.full(2, np.nan) if point is None else np.asarray(point, float)
        self._times = np.append(self._times[kept], time_s)
        self._points = np.concatenate([self._points[kept], new[None]])
        self._now, self._whole, self._dimmed = time_s, None, False
        self._shows_other()

    def show_path(self, times_s: np.ndarray, points: np.ndarray, whole: np.ndarray | None) -> None:
        """A recording: float [n] rising, float [n, 2] with NaN where nobody speaks, and its mean, float [2]; None of silence."""
        self._times, self._points = np.asarray(times_s, float), np.asarray(points, float)
        self._now, self._whole, self._dimmed = None, whole, False
        self._shows_other()

    def set_time(self, time_s: float | None) -> None:
        """Show the recording at that time; None as a whole."""
        now = time_s if time_s is not None and np.isfinite(time_s) else None
        if now != self._now:
            self._now = now
            self._shows_other()

    def set_dimmed(self, dimmed: bool) -> None:
        """Paler: the last result, while nobody listens."""
        self._dimmed = dimmed
        self.update()

    def _shows_other(self) -> None:
        self._description.changed()
        self.update()

    @property
    def point(self) -> np.ndarray | None:
        """Valence and arousal, float [2], as drawn large; None where nobody speaks."""
        if self._now is None:
            return self._whole
        if not len(self._times):
            return None
        newest = self._points[max(0, int(np.searchsorted(self._times, self._now, "right")) - 1)]
        return newest if np.isfinite(newest).all() else None

    def trail(self) -> tuple[np.ndarray, np.ndarray]:
        """Ages in seconds, float [n], the oldest first, and points float [n, 2]: those of the last 30 s; of a recording as a whole all
        of them, with the age 0."""
        if self._now is None:
            return np.zeros(len(self._times)), self._points
        shown = (self._times <= self._now) & (self._times > self._now - TRAIL_S)
        return self._now - self._times[shown], self._points[shown]

    def in_words(self) -> str:
        """The point, and what the trail spans."""
        point, (_ages, points) = self.point, self.trail()
        spoken = np.isfinite(points).all(axis=1)
        if not len(points):
            return ""
        said = [_said(point) if point is not None else tr("no speech")]
        if spoken.sum() > 1:
            low, high = points[spoken].min(axis=0), points[spoken].max(axis=0)
            said.append(
                tr(
                    "arousal from {arousal_low} to {arousal_high}, valence from {valence_low} to {valence_high} in {n} windows",
                    arousal_low=degree_figure(low[1]),
                    arousal_high=degree_figure(high[1]),
                    valence_low=degree_figure(low[0]),
                    valence_high=degree_figure(high[0]),
                    n=int(spoken.sum()),
                )
            )
        return "; ".join(said)

    # Drawing ----------------------------------------------------------------------------------------------

    def _square(self) -> QRectF:
        side = min(self.width(), self.height())
        return QRectF((self.width() - side) / 2, 0, side, side)

    def _inside(self) -> QRectF:
        """Where points lie: between the words at the ends."""
        return self._square().adjusted(14, 20, -14, -20)

    def _place(self, point: np.ndarray) -> QPointF:
        inside, (valence, arousal) = self._inside(), np.clip(point, 0.0, 1.0)
        return QPointF(
            inside.left() + float(valence) * inside.width(),
            inside.bottom() - float(arousal) * inside.height(),
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_ground(painter)
        if self._dimmed:
            painter.setOpacity(0.4)
        strength = painter.opacity()
        ages, points = self.trail()
        for number in range(len(points)):
            part = WHOLE if self._now is None else 1 - (1 - FAINTEST) * float(ages[number]) / TRAIL_S
            painter.setOpacity(strength * part * 0.8)
            self._draw_step(painter, points, number)
        painter.setOpacity(1.0)
        self._draw_words(painter)
        painter.setOpacity(strength)
        if self.point is not None:
            painter.setPen(QPen(theme.color("card"), 2))
            painter.setBrush(theme.color("accent"))
            painter.drawEllipse(self._place(self.point), POINT_PX + 1, POINT_PX + 1)
        painter.end()

    def _draw_step(self, painter: QPainter, points: np.ndarray, number: int) -> None:
        """A point of the trail, and the way to it from the one before; none over a pause."""
        if not np.isfinite(points[number]).all():
            return
        here = self._place(points[number])
        if number and np.isfinite(points[number - 1]).all():
            painter.setPen(QPen(theme.color("accent"), 1.5))
            painter.drawLine(self._place(points[number - 1]), here)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent"))
        painter.drawEllipse(here, DOT_PX, DOT_PX)

    def _draw_ground(self, painter: QPainter) -> None:
        """The card, and the two axes through the middle."""
        inside = self._inside()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("card"))
        painter.drawRoundedRect(self._square(), theme.RADIUS, theme.RADIUS)
        painter.setPen(QPen(theme.color("line"), 1))
        middle = inside.center()
        painter.drawLine(QPointF(inside.left(), middle.y()), QPointF(inside.right(), middle.y()))
        painter.drawLine(QPointF(middle.x(), inside.top()), QPointF(middle.x(), inside.bottom()))

    def _draw_words(self, painter: QPainter) -> None:
        """What the ends of the axes mean, over a trail that may run there."""
        painter.setFont(theme.font(theme.HINT_PX))
        ends, metrics = self._square().adjusted(6, 4, -6, -4), painter.fontMetrics()
        ground = theme.color("card")
        ground.setAlphaF(0.75)
        for words, across, down in (
            (tr("excited"), 0.5, 0.0),
            (tr("calm"), 0.5, 1.0),
            (tr("unpleasant"), 0.0, 0.5),
            (tr("pleasant"), 1.0, 0.5),
        ):
            wide, high = metrics.horizontalAdvance(words), metrics.height()
            left = ends.left() + across * (ends.width() - wide)
            top = ends.top() + down * (ends.height() - high)
            place = QRectF(left, top - (high / 2 + 2 if down == 0.5 else 0), wide, high)  # above the line
            painter.fillRect(place, ground)
            painter.setPen(theme.color("muted"))
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, words)


def _said(point: np.ndarray) -> str:
    return tr(
        "arousal {arousal}, valence {valence}",
        arousal=degree_figure(point[1]),
        valence=degree_figure(point[0]),
    )
