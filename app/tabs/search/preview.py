"""A result in large, over the grid, as long as one wants to look at it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from app import theme
from app.i18n import tr, tr_error
from app.tabs.search.grid import GridItem, spoken
from app.tabs.search.thumbnails import Thumbnails
from app.tabs.search.tile import fitted

FOOT = 56  # px for the words


class Preview(QWidget):
    """Lies over its parent. moved(key): an arrow, which moves in the grid behind it. closed: it is gone."""

    moved = Signal(QKeyEvent)
    closed = Signal()

    def __init__(self, pictures: Thumbnails, parent: QWidget) -> None:
        """`pictures`: where large pictures come from."""
        super().__init__(parent)
        self.pictures = pictures
        self.pictures.ready.connect(self.update)
        self.shown: GridItem | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Preview"))
        self.hide()
        parent.installEventFilter(self)

    def show_picture(self, shown: GridItem) -> None:
        self.shown = shown
        self.setAccessibleName(tr("Preview: {words}", words=spoken(shown)))
        self.pictures.ask([shown.path])
        parent = self.parentWidget()
        if parent is not None:
            self.setGeometry(parent.rect())
        self.raise_()
        self.show()
        self.setFocus()
        self.update()

    def close_preview(self) -> None:
        if self.isVisible():
            self.hide()
            self.closed.emit()

    def eventFilter(self, watched: object, event: object) -> bool:
        if isinstance(event, QResizeEvent) and watched is self.parentWidget():
            self.resize(event.size())
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.close_preview()
        else:
            self.moved.emit(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.close_preview()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), theme.color("view"))
        if self.shown is None:
            painter.end()
            return
        room = QRectF(self.rect()).adjusted(8, 8, -8, -FOOT)
        picture = self.pictures.find(self.shown.path)
        painter.setPen(theme.color("muted"))
        if picture is not None and picture.image is not None:
            painter.drawImage(fitted(picture.image, room, self.devicePixelRatioF()), picture.image)
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
            item for item in (self.shown.attribution, tr("Space closes, arrows go on")) if item
        )
        painter.drawText(foot.translated(0, 22), Qt.AlignmentFlag.AlignCenter, credit)
        painter.end()
