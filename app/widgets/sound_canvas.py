"""One sound over a shared time axis: waveform, spectrogram or both, with the chosen stretch and the play head."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QMenu, QSizePolicy, QWidget

from app import theme
from app.audio.outline import FLOOR_DB, RANGE_DB, Outline, Stretch
from app.i18n import digits, tr
from app.widgets.described import Description, level_words
from app.widgets.level_scale import VEIL, paint_scale
from app.widgets.time_axis import TimeAxis, time_words

GRIP = 5  # px: so near to the edge of the chosen stretch, the edge is moved
STILL = 4  # px: a press that moves less is a click
MODES = ("waveform", "spectrogram", "both")
LEAST_TOP = 0.02  # a waveform is not drawn louder than this height at full


class SoundCanvas(QWidget):
    """Drag chooses a stretch, a click goes to a place, the wheel zooms (with Shift: moves), double-click shows all.

    clicked(seconds). detail_wanted(first, last): the view is finer than the outline; `set_detail` brings what is.
    """

    clicked = Signal(float)
    detail_wanted = Signal(float, float)

    def __init__(
        self, axis: TimeAxis, name: str, color: str = "muted", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.axis, self.color, self.name = axis, color, name
        self.mode = "waveform"
        self.outline: Outline | None = None
        self.top = 1.0  # the amplitude that fills the height
        self.more_actions: Callable[[QMenu], None] | None = None
        self._detail: Stretch | None = None
        self._dimmed = False
        self._picture: QPixmap | None = None
        self._pressed: QPointF | None = None
        self._anchor_s: float | None = None  # the fixed end of the stretch that is being chosen
        self._hover_s: float | None = None
        self._table = _viridis()
        self.setMinimumHeight(40)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(name)
        self.description = Description(self, self.in_words)
        axis.region_changed.connect(self.description.changed)
        axis.view_changed.connect(self._view_changed)
        axis.region_changed.connect(self.update)
        axis.head_changed.connect(self.update)
        theme.notifier.changed.connect(self._redraw)

    def sizeHint(self) -> QSize:
        return QSize(400, 90)

    def set_outline(self, outline: Outline | None, top: float = 0.0) -> None:
        """Show another sound. `top`: the amplitude at full height; 0: the sound's own peak."""
        self.outline, self._detail = outline, None
        self.description.changed()
        self.top = max(LEAST_TOP, top or (outline.peak if outline is not None else 1.0))
        self._redraw()
        self._ask_for_detail()

    def set_detail(self, stretch: Stretch) -> None:
        """A part of the sound as it is in the file."""
        self._detail = stretch
        self._redraw()

    def set_mode(self, mode: str) -> None:
        """``waveform``, ``spectrogram`` or ``both``."""
        self.mode = mode
        self._redraw()
        self._ask_for_detail()

    def set_dimmed(self, dimmed: bool) -> None:
        """Drawn faintly: it is not heard now."""
        if dimmed != self._dimmed:
            self._dimmed = dimmed
            self.update()

    def in_words(self) -> str:
        """How long and how loud the sound is, and which stretch of it is chosen."""
        if self.outline is None:
            return ""
        said = tr(
            "{seconds} s of sound, loudest {level}",
            seconds=digits(self.outline.duration_s, ".1f"),
            level=level_words(self.outline.peak),
        )
        if self.axis.region is None:
            return said
        first, last = (digits(place, ".1f") for place in self.axis.region)
        return said + "; " + tr("chosen: {first} to {last} s", first=first, last=last)

    # Places -----------------------------------------------------------------------------------------------

    def time_at(self, x: float) -> float:
        """Seconds from the beginning at a place of the widget, px from its left edge."""
        return self.axis.view[0] + x / max(1, self.width()) * self.axis.span_s

    def x_of(self, time_s: float) -> float:
        """Where a time lies, px from the left edge; outside the widget where it is out of view."""
        return (time_s - self.axis.view[0]) / self.axis.span_s * self.width()

    # Drawing ----------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._picture is None:
            ratio = self.devicePixelRatioF()
            picture = QPixmap(self.size() * ratio)
            picture.setDevicePixelRatio(ratio)
            picture.fill(theme.color("card"))
            painter = QPainter(picture)
            self._paint_sound(painter, QRectF(self.rect()))
            painter.end()
            self._picture = picture
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        if self._dimmed:
            veil = theme.color("card")
            veil.setAlpha(150)
            painter.fillRect(self.rect(), veil)
        self._paint_marks(painter)
        painter.end()

    def _paint_sound(self, painter: QPainter, box: QRectF) -> None:
        if self.outline is None:
            return
        share = 0.5 if self.mode == "both" else 1.0
        upper = QRectF(box.left(), box.top(), box.width(), box.height() * share)
        if self.mode != "spectrogram":
            self._paint_waveform(painter, upper.adjusted(0, 3, 0, -3))
        if self.mode != "waveform":
            lower = box.adjusted(0, box.height() - box.height() * share, 0, 0)
            self._paint_spectrogram(painter, lower if self.mode == "both" else box)

    def _paint_waveform(self, painter: QPainter, box: QRectF) -> None:
        assert self.outline is not None
        columns = max(1, int(box.width()))
        step_s = self.axis.span_s / columns
        first_s = np.floor(self.axis.view[0] / step_s) * step_s  # the same columns while it is moved
        detail = self._detail
        source: Outline | Stretch = self.outline
        if not self.outline.fine_enough(step_s) and detail is not None and detail.covers(*self._visible()):
            source = detail
        low, high = source.envelope(float(first_s), step_s, columns + 2)
        shift = (first_s - self.axis.view[0]) / step_s
        x = box.left() + shift + np.arange(columns + 2) + 0.5
        middle, half = box.center().y(), box.height() / 2
        upper = middle - np.clip(high / self.top, -1, 1) * half
        lower = middle - np.clip(low / self.top, -1, 1) * half
        inside = (x >= self._x(box, 0.0) - 1) & (x <= self._x(box, self.outline.duration_s) + 1)
        paint_columns(painter, box, x[inside], upper[inside], lower[inside], theme.color(self.color))

    def _paint_spectrogram(self, painter: QPainter, box: QRectF) -> None:
        assert self.outline is not None
        first_s, last_s = self._visible()
        spectrum, hop_s = self.outline.columns_for(self.axis.span_s / max(1.0, box.width()))
        origin_s = 0.0
        detail = self._detail
        if detail is not None and detail.hop_s < hop_s and detail.covers(first_s, last_s):
            spectrum, hop_s, origin_s = detail.spectrum, detail.hop_s, detail.first_s
        begin = max(0, int((first_s - origin_s) / hop_s))
        end = min(len(spectrum), int(np.ceil((last_s - origin_s) / hop_s)) + 1)
        columns = spectrum[begin:end]
        if not len(columns):
            return
        size = max(1, len(columns) // max(1, int(box.width())))
        if size > 1:  # more than there are pixels: the loudest of each few
            columns = np.maximum.reduceat(columns, np.arange(0, len(columns), size), axis=0)
        pixels = np.ascontiguousarray(columns.T[::-1])
        image = QImage(
            pixels.data, pixels.shape[1], pixels.shape[0], pixels.shape[1], QImage.Format.Format_Indexed8
        )
        image.setColorTable(self._table)
        left = self._x(box, origin_s + begin * hop_s)
        wide = pixels.shape[1] * size * hop_s / self.axis.span_s * box.width()
        right = self._x(box, self.outline.duration_s)
        painter.save()
        painter.setClipRect(QRectF(box.left(), box.top(), max(0.0, right - box.left()), box.height()))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(
            QRectF(left, box.top(), wide, box.height()), image.convertToFormat(QImage.Format.Format_RGB32)
        )
        painter.restore()
        words = tr("{khz} kHz", khz=f"{self.outline.top_hz / 1000:g}")
        painter.setFont(theme.font(theme.HINT_PX))
        place = QRectF(box.left() + 2, box.top() + 2, painter.fontMetrics().horizontalAdvance(words) + 8, 15)
        painter.fillRect(place, VEIL)
        painter.setPen(QColor(theme.ON_MAP))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, words)
        paint_scale(painter, box.right() - 2, box.top() + 2, FLOOR_DB, FLOOR_DB + RANGE_DB)

    def _paint_marks(self, painter: QPainter) -> None:
        if self.axis.region is not None and self.outline is not None:
            first, last = (self.x_of(place) for place in self.axis.region)
            tint = theme.color("accent")
            tint.setAlpha(46)
            painter.fillRect(QRectF(first, 0, last - first, self.height()), tint)
            painter.setPen(QPen(theme.color("accent"), 1))
            for x in (first, last):
                painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
        if self.axis.head_s is not None and self.outline is not None:
            x = self.x_of(self.axis.head_s)
            on_picture = self.mode == "spectrogram"
            painter.setPen(QPen(QColor(theme.ON_MAP) if on_picture else theme.color("text"), 1.4))
            painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))

    def _x(self, box: QRectF, time_s: float) -> float:
        return box.left() + (time_s - self.axis.view[0]) / self.axis.span_s * box.width()

    def _visible(self) -> tuple[float, float]:
        duration = self.outline.duration_s if self.outline is not None else self.axis.duration_s
        return max(0.0, self.axis.view[0]), min(duration, self.axis.view[1])

    def _view_changed(self) -> None:
        self._redraw()
        self._ask_for_detail()

    def _ask_for_detail(self) -> None:
        if self.outline is None or self.width() < 2:
            return
        first_s, last_s = self._visible()
        step_s = self.axis.span_s / self.width()
        coarse = not self.outline.fine_enough(step_s)
        if self.mode != "waveform":
            coarse = coarse or step_s < 0.5 * self.outline.hop_s
        covered = self._detail is not None and self._detail.covers(first_s, last_s)
        enough = covered and self._detail is not None and self._detail.hop_s < 3 * max(step_s, 0.002)
        if coarse and last_s > first_s and not enough:
            self.detail_wanted.emit(first_s, last_s)

    def _redraw(self) -> None:
        self._picture = None
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._view_changed()

    # The mouse --------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self.outline is None:
            super().mousePressEvent(event)
            return
        self._pressed = event.position()
        region = self.axis.region
        self._anchor_s = self.time_at(event.position().x())
        if region is not None:
            for end, other in (region, region[::-1]):
                if abs(self.x_of(end) - event.position().x()) <= GRIP:
                    self._anchor_s = other

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        if self._pressed is not None and self._anchor_s is not None:
            if abs(x - self._pressed.x()) >= STILL:
                self.axis.set_region((self._anchor_s, self.time_at(x)))
            return
        region = self.axis.region
        near = region is not None and any(abs(self.x_of(end) - x) <= GRIP for end in region)
        self.setCursor(Qt.CursorShape.SizeHorCursor if near else Qt.CursorShape.ArrowCursor)
        if self.outline is not None:
            step = self.axis.mark_s(self.width()) / 10
            self.setToolTip(time_words(max(0.0, self.time_at(x)), step))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed, self._anchor_s = self._pressed, None, None
        if pressed is not None and abs(event.position().x() - pressed.x()) < STILL:
            self.clicked.emit(self.time_at(event.position().x()))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.axis.show_all()

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn = event.angleDelta()
        sideways = turn.x() if abs(turn.x()) > abs(turn.y()) else 0
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            sideways = sideways or turn.y()
        if sideways:
            self.axis.scroll(-sideways / 120 * 0.1 * self.axis.span_s)
        else:
            self.axis.zoom(0.8 ** (turn.y() / 120), self.time_at(event.position().x()))
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self.more_actions is None or self.outline is None:
            return
        menu = QMenu(self)
        self.more_actions(menu)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(event.globalPos())

    # Export -----------------------------------------------------------------------------------------------

    def save_picture(self, path: Path) -> None:
        """What is in view, as ``.svg`` or ``.png``. Raises OSError where it cannot be written."""
        if path.suffix.lower() == ".svg":
            from PySide6.QtSvg import QSvgGenerator

            generator = QSvgGenerator()
            generator.setFileName(str(path))
            generator.setSize(self.size())
            generator.setViewBox(self.rect())
            generator.setTitle(self.name)
            painter = QPainter()
            if not painter.begin(generator):
                raise OSError(None, tr("The picture could not be written."), str(path))
            painter.fillRect(QRectF(self.rect()), theme.color("card"))
            self._paint_sound(painter, QRectF(self.rect()))
            painter.end()
            return
        image = QImage(self.size() * 3, QImage.Format.Format_ARGB32)
        image.setDevicePixelRatio(3)
        image.fill(theme.color("card"))
        painter = QPainter(image)
        self._paint_sound(painter, QRectF(self.rect()))
        painter.end()
        if not image.save(str(path)):
            raise OSError(None, tr("The picture could not be written."), str(path))


def paint_columns(
    painter: QPainter, box: QRectF, x: np.ndarray, upper: np.ndarray, lower: np.ndarray, color: QColor
) -> None:
    """Bars a pixel wide from `upper` to `lower`, at least a pixel high. x, upper, lower: float [n], x a pixel apart.

    As a picture on the screen, which is many times faster than a polygon; as a polygon in a vector graphic.
    """
    if not len(x):
        return
    thin = lower - upper < 1.0
    middle = (upper + lower) / 2
    upper, lower = np.where(thin, middle - 0.5, upper), np.where(thin, middle + 0.5, lower)
    if isinstance(painter.device(), QPixmap | QImage):
        ratio = painter.device().devicePixelRatio()
        rows = (np.arange(round(box.height() * ratio)) + 0.5)[:, None] / ratio + box.top()
        half = 0.5 / ratio
        mask = ((rows > upper - half) & (rows <= lower + half - 1e-6)).view(np.uint8)
        image = QImage(mask.data, len(x), len(rows), len(x), QImage.Format.Format_Indexed8)
        image.setColorTable([0, color.rgba()])
        painter.drawImage(QRectF(float(x[0]) - 0.5, box.top(), len(x), box.height()), image)
        return
    points = [QPointF(a, b) for a, b in zip(x.tolist(), upper.tolist(), strict=True)]
    points += [QPointF(a, b) for a, b in zip(x[::-1].tolist(), lower[::-1].tolist(), strict=True)]
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawPolygon(QPolygonF(points))


def _viridis() -> list[int]:
    colors = pg.colormap.get("viridis").getLookupTable(nPts=256)
    return [QColor(*(int(value) for value in color[:3])).rgb() for color in colors]
