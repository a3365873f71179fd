"""A result in large, over the grid, as long as one wants to look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from app import theme
from app.i18n import tr, tr_error
from app.tabs.search import film_strip
from app.tabs.search.film_strip import FilmStrip
from app.tabs.search.grid import GridItem, spoken
from app.tabs.search.thumbnails import Thumbnails
from app.tabs.search.tile import fitted

if TYPE_CHECKING:
    from models.search.explaining import HeatMap

FOOT = 56  # px for the words
DARKEST = 0.88  # how much of a picture a veil hides where nothing of the answer lies


def veil_colour(strength: float) -> QColor:
    """The ground of the view, 0 lets a picture through and 1 hides it as far as it is hidden."""
    colour = QColor(theme.color("view"))
    colour.setAlphaF(DARKEST * strength)
    return colour


def shade_of(values: np.ndarray) -> QImage:
    """A veil as small as the map: the less an answer hangs on a part, float [rows, columns] 0 to 1, the thicker it is."""
    rows, columns = values.shape
    shade = QImage(columns, rows, QImage.Format.Format_ARGB32_Premultiplied)
    for row in range(rows):
        for column in range(columns):
            shade.setPixelColor(column, row, veil_colour(1 - float(values[row, column])))
    return shade.scaled(
        32 * columns,
        32 * rows,
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )


class Preview(QWidget):
    """Lies over its parent. moved(key): an arrow, which moves in the grid behind it. closed: it is gone. heat_asked: where in
    the shown picture the answer lies is wanted, to be told by `show_heat`. strip_asked: so are frames of the shown film, to
    be told by `show_strip`. Either with None: it is not wanted any more."""

    heat_asked = Signal(object)  # GridItem or None
    strip_asked = Signal(object)  # GridItem or None
    moved = Signal(QKeyEvent)
    closed = Signal()

    def __init__(self, pictures: Thumbnails, parent: QWidget) -> None:
        """`pictures`: where large pictures come from."""
        super().__init__(parent)
        self.pictures = pictures
        self.pictures.ready.connect(self.update)
        self.shown: GridItem | None = None
        self.explains = False  # whether it shows where the answer lies
        self._heat: tuple[int, QImage, QRectF] | None = None  # id, shade, region in shares of the picture
        self._strip: tuple[int, FilmStrip] | None = None  # id, frames
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Preview"))
        self.hide()
        parent.installEventFilter(self)

    def show_picture(self, shown: GridItem) -> None:
        """Show a picture over the whole of the parent and take the keys; reading it in large goes on meanwhile."""
        other = self.shown is None or self.shown.id != shown.id or not self.isVisible()
        self.shown = shown
        self.setAccessibleName(tr("Preview: {words}", words=spoken(shown)))
        self.pictures.ask([shown.path])
        parent = self.parentWidget()
        if parent is not None:
            self.setGeometry(parent.rect())
        self.raise_()
        self.show()
        self.setFocus()
        self.ask_for_heat()
        if other:
            self._strip = None
            self.strip_asked.emit(shown if film_strip.is_film(shown.path) else None)
        self.update()

    def explain(self, explains: bool) -> None:
        """Show where in the picture the answer lies, or the whole of it."""
        self.explains = explains
        self.ask_for_heat()
        self.update()

    def ask_for_heat(self) -> None:
        """What is shown now decides whether the answer is looked for in it, and in nothing else."""
        if not self.isVisible():
            return  # it was told when it was closed
        shown = self.shown
        asked = self.explains and shown is not None and shown.score is not None
        wanted = asked and shown is not None and (self._heat is None or self._heat[0] != shown.id)
        self.heat_asked.emit(shown if wanted else None)

    def show_strip(self, number: int, strip: FilmStrip) -> None:
        """Frames of the film with this id."""
        self._strip = (number, strip)
        self.update()

    def show_heat(self, number: int, heat: HeatMap) -> None:
        """Where the answer lies in the picture with this id."""
        self._heat = (number, shade_of(heat.values), QRectF(*heat.region))
        self.update()

    def forget_heat(self) -> None:
        """Something else is asked for: the answer lies elsewhere."""
        self._heat = None
        self.ask_for_heat()

    def close_preview(self) -> None:
        """Hide the picture and tell `closed`; nothing where it is hidden already."""
        if self.isVisible():
            self.hide()
            self.heat_asked.emit(None)
            self.strip_asked.emit(None)
            self.closed.emit()

    def eventFilter(self, watched: object, event: object) -> bool:
        if isinstance(event, QResizeEvent) and watched is self.parentWidget():
            self.resize(event.size())
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.close_preview()
        elif event.key() == Qt.Key.Key_W:
            self.explain(not self.explains)
        else:
            self.moved.emit(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.close_preview()

    @property
    def _explained(self) -> bool:
        return (
            self.explains
            and self._heat is not None
            and self._heat[0] == (self.shown.id if self.shown else -1)
        )

    def _paint_heat(self, painter: QPainter, box: QRectF) -> None:
        """Veil what the answer does not hang on, and what the encoder did not see."""
        if not self._explained or self._heat is None:
            return
        _, shade, region = self._heat
        seen = QRectF(
            box.left() + region.left() * box.width(),
            box.top() + region.top() * box.height(),
            region.width() * box.width(),
            region.height() * box.height(),
        )
        painter.save()
        painter.setClipRect(box)
        painter.drawImage(seen, shade)
        veil = QPainterPath()
        veil.addRect(box)
        hole = QPainterPath()
        hole.addRect(seen)
        painter.fillPath(veil - hole, veil_colour(1.0))
        painter.restore()

    def _paint_strip(self, painter: QPainter, room: QRectF) -> QRectF:
        """At the foot of `room`; what is left of that."""
        shown = self.shown
        strip = self._strip[1] if self._strip and shown and self._strip[0] == shown.id else None
        high = film_strip.height_for(room.width(), strip)
        if high:
            foot = QRectF(room.left(), room.bottom() - high, room.width(), high)
            film_strip.paint(painter, foot, strip, self.devicePixelRatioF())
        return room.adjusted(0, 0, 0, -high)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), theme.color("view"))
        if self.shown is None:
            painter.end()
            return
        room = QRectF(self.rect()).adjusted(8, 8, -8, -FOOT)
        if film_strip.is_film(self.shown.path):
            room = self._paint_strip(painter, room)
        picture = self.pictures.find(self.shown.path)
        painter.setPen(theme.color("muted"))
        if picture is not None and picture.image is not None:
            box = fitted(picture.image, room, self.devicePixelRatioF())
            painter.drawImage(box, picture.image)
            self._paint_heat(painter, box)
        elif picture is not None and picture.problem is not None:
            words = " ".join(item for item in tr_error(picture.problem) if item)
            painter.drawText(room, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), words)
        foot = QRectF(16, self.height() - FOOT + 6, self.width() - 32, 22)
        painter.setPen(theme.color("text"))
        painter.setFont(theme.font(theme.TEXT_PX, True))
        painter.drawText(foot, Qt.AlignmentFlag.AlignCenter, spoken(self.shown))
        painter.setPen(theme.color("muted"))
        painter.setFont(theme.font(theme.HINT_PX))
        credit = " · ".join(
            item
            for item in (
                self.shown.attribution,
                tr("Space closes, arrows go on"),
                tr("W shows why it matched") if self.shown.score is not None and not self.explains else "",
                tr("where it is bright, the answer lies") if self._explained else "",
            )
            if item
        )
        painter.drawText(foot.translated(0, 22), Qt.AlignmentFlag.AlignCenter, credit)
        painter.end()
