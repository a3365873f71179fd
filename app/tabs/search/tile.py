"""How a tile of the grid is painted: the picture, its words, its likeness when the mouse is over it."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QImage, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app import theme
from app.i18n import tr
from app.tabs.search.grid import ITEM, GridItem
from app.tabs.search.thumbnails import Thumbnail, Thumbnails

Index = QModelIndex | QPersistentModelIndex
SIZES = {"small": QSize(84, 82), "medium": QSize(108, 102), "large": QSize(172, 166)}
MOST_ELIDED = 5_000  # shortened words that are kept
LINE = 18  # height of the words
MARGIN = 6
LARGEST_ZOOM = 1.6  # a smaller picture is not blown up further


class TileDelegate(QStyledItemDelegate):
    """Paints from `thumbnails` what is held; what is not there yet is an empty card."""

    def __init__(self, thumbnails: Thumbnails) -> None:
        super().__init__()
        self._thumbnails = thumbnails
        self._elided: dict[tuple[str, int], str] = {}
        self._take_theme()
        theme.notifier.changed.connect(self._take_theme)

    def _take_theme(self) -> None:
        self._font = theme.font(theme.HINT_PX)
        self._metrics = QFontMetrics(self._font)
        self._card, self._ink = theme.color("card"), theme.color("muted")
        self._elided.clear()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return SIZES["medium"]

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        shown: GridItem | None = index.data(ITEM)
        box = option.rect
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._card)
        painter.drawRoundedRect(box, theme.RADIUS, theme.RADIUS)
        if shown is not None:
            self._paint_picture(painter, box, self._thumbnails.find(shown.path))
            self._paint_words(painter, box, shown.words)
            if shown.duplicates:
                self._paint_mark(painter, box, f"+{len(shown.duplicates)}")
        if option.state & QStyle.StateFlag.State_Selected:
            focused = bool(option.state & QStyle.StateFlag.State_HasFocus)
            painter.setPen(QPen(theme.color("accent"), 2.0 if focused else 1.2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(box).adjusted(1, 1, -1, -1), theme.RADIUS, theme.RADIUS)

    def _paint_picture(self, painter: QPainter, box: QRect, picture: Thumbnail | None) -> None:
        room = QRectF(box.adjusted(MARGIN, MARGIN, -MARGIN, -LINE - MARGIN + 2))
        if picture is None:
            return
        if picture.image is None:
            paint_absence(painter, room, picture.gone)
            return
        # It was read to fit the smallest tile: painted as it is, which takes a fiftieth of the time of scaling it. Only
        # what was read for a finer screen, before the window came to this one, is too large.
        high, wide = picture.image.height(), picture.image.width()
        scale = min(1 / painter.device().devicePixelRatioF(), room.width() / wide, room.height() / high)
        size = wide * scale, high * scale
        left = round(room.center().x() - size[0] / 2)
        top = round(room.center().y() - size[1] / 2)
        painter.drawImage(QRectF(left, top, *size), picture.image)

    def _paint_words(self, painter: QPainter, box: QRect, words: str) -> None:
        line = QRect(box.left() + MARGIN, box.bottom() - LINE - 2, box.width() - 2 * MARGIN, LINE)
        key = (words, line.width())
        elided = self._elided.get(key)
        if elided is None:
            if len(self._elided) > MOST_ELIDED:
                self._elided.clear()
            elided = self._metrics.elidedText(words, Qt.TextElideMode.ElideRight, line.width())
            self._elided[key] = elided
        painter.setFont(self._font)
        painter.setPen(self._ink)
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, elided)

    def _paint_mark(self, painter: QPainter, box: QRect, words: str) -> None:
        """How many near-duplicates are folded behind it."""
        width = self._metrics.horizontalAdvance(words) + 10
        mark = QRectF(box.right() - width - 3, box.top() + 4, width, 17)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("tint"))
        painter.drawRoundedRect(mark, 8, 8)
        painter.setPen(theme.color("text"))
        painter.setFont(self._font)
        painter.drawText(mark, Qt.AlignmentFlag.AlignCenter, words)


def picture_box(size: str, ratio: float) -> QSize:
    """What pictures are scaled to for tiles of a size, in pixels of a screen of that ratio."""
    tile = SIZES[size]
    width, height = tile.width() - 2 * MARGIN, tile.height() - LINE - 2 * MARGIN + 2
    return QSize(round(width * ratio), round(height * ratio))


def fitted(image: QImage, room: QRectF, ratio: float) -> QRectF:
    """Where an image lies in `room`: whole, in the middle, and as large on any screen; a point has `ratio` pixels.

    It is not blown up beyond `LARGEST_ZOOM` points a pixel.
    """
    width, height = image.width() / ratio, image.height() / ratio
    scale = min(room.width() / max(1, width), room.height() / max(1, height), LARGEST_ZOOM * ratio)
    box = QRectF(0, 0, width * scale, height * scale)
    box.moveCenter(room.center())
    return box


def paint_absence(painter: QPainter, room: QRectF, gone: bool) -> None:
    """A dashed frame: the file is not there any more, or cannot be read."""
    frame = QRectF(0, 0, min(room.width(), 110), min(room.height(), 60))
    frame.moveCenter(room.center())
    painter.setPen(QPen(theme.color("edge"), 1, Qt.PenStyle.DashLine))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(frame, 4, 4)
    painter.setPen(theme.color("muted"))
    painter.setFont(theme.font(theme.HINT_PX))
    flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
    painter.drawText(frame, int(flags), tr("removed") if gone else tr("unreadable"))
