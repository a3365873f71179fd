"""A grid of tiles for any number of items: nothing is laid out beforehand, only what is in view is looked at."""

from __future__ import annotations

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QRegion, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QStyle, QStyleOptionViewItem, QWidget

from app import theme

Index = QModelIndex | QPersistentModelIndex


class Gallery(QAbstractItemView):
    """Tiles of one size in rows that fill the width. The model is a list; the delegate paints.

    in_view(first, last): which rows of the model are seen now, after every painting.
    key_pressed(event): a key that the grid itself has no use for (Space, Return, letters).
    """

    in_view = Signal(int, int)
    key_pressed = Signal(QKeyEvent)

    def __init__(self, tile: QSize, gap: int = 10, parent: QWidget | None = None) -> None:
        """`tile`: the least width and the height of a tile."""
        super().__init__(parent)
        self._tile, self._gap = tile, gap
        self._seen = (-1, -1)
        self.setProperty("kind", "gallery")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        # All of it is painted here, so that scrolling moves what is there and paints what comes into view.
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        theme.notifier.changed.connect(self.viewport().update)

    # Geometry, all of it computed --------------------------------------------------------------------------

    @property
    def columns(self) -> int:
        """How many tiles there is room for beside one another."""
        room = self.viewport().width() + self._gap
        return max(1, room // (self._tile.width() + self._gap))

    @property
    def count(self) -> int:
        """How many tiles there are."""
        model = self.model()
        return model.rowCount(self.rootIndex()) if model is not None else 0

    def set_tile(self, tile: QSize) -> None:
        """Other tiles; the current one stays in view."""
        self._tile = tile
        self.updateGeometries()
        self.viewport().update()

    def rect_of(self, row: int) -> QRect:
        """Where a row of the model lies, in coordinates of the viewport."""
        line, column = divmod(row, self.columns)
        width = self.viewport().width() + self._gap
        left = column * width // self.columns
        right = (column + 1) * width // self.columns - self._gap
        top = line * (self._tile.height() + self._gap) - self.verticalOffset() + 1
        return QRect(left, top, right - left, self._tile.height())

    def visualRect(self, index: Index) -> QRect:
        return self.rect_of(index.row()) if index.isValid() else QRect()

    def indexAt(self, point: QPoint) -> QModelIndex:
        pitch = self._tile.height() + self._gap
        line = (point.y() + self.verticalOffset() - 1) // pitch
        width = self.viewport().width() + self._gap
        column = min(self.columns - 1, max(0, point.x() * self.columns // max(1, width)))
        row = line * self.columns + column
        if 0 <= row < self.count and self.rect_of(row).contains(point):
            return self.model().index(row, 0, self.rootIndex())
        return QModelIndex()

    def scrollTo(
        self,
        index: Index,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        if not index.isValid():
            return
        box, bar = self.visualRect(index), self.verticalScrollBar()
        if hint == QAbstractItemView.ScrollHint.PositionAtTop or box.top() < 0:
            bar.setValue(bar.value() + box.top() - 1)
        elif box.bottom() > self.viewport().height():
            bar.setValue(bar.value() + box.bottom() - self.viewport().height() + 2)

    def horizontalOffset(self) -> int:
        return 0

    def verticalOffset(self) -> int:
        return self.verticalScrollBar().value()

    def isIndexHidden(self, index: Index) -> bool:
        return False

    def visible_rows(self) -> tuple[int, int]:
        """(first, last) row of the model in view, (0, −1) where there is none."""
        pitch = self._tile.height() + self._gap
        first = max(0, self.verticalOffset() // pitch) * self.columns
        last = (self.verticalOffset() + self.viewport().height()) // pitch * self.columns + self.columns - 1
        return first, min(last, self.count - 1)

    def updateGeometries(self) -> None:
        lines = -(-self.count // self.columns)
        pitch = self._tile.height() + self._gap
        bar = self.verticalScrollBar()
        height = self.viewport().height()
        bar.setRange(0, max(0, lines * pitch - self._gap + 2 - height))
        bar.setPageStep(max(pitch, height // pitch * pitch))
        bar.setSingleStep(pitch // 3)
        super().updateGeometries()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """What was at the top stays at the top when the number of columns changes."""
        super().resizeEvent(event)
        self.updateGeometries()

    # Painting ---------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), theme.color("view"))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        first, last = self.visible_rows()
        model, delegate, root = self.model(), self.itemDelegate(), self.rootIndex()
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        enabled = option.state & ~(QStyle.StateFlag.State_HasFocus | QStyle.StateFlag.State_Selected)
        current = self.currentIndex().row() if self.currentIndex().isValid() else -1
        dirty, columns, pitch = event.region(), self.columns, self._tile.height() + self._gap
        boxes = [self.rect_of(row) for row in range(first, min(first + columns, last + 1))]
        for row in range(first, last + 1):
            line, column = divmod(row - first, columns)
            box = boxes[column].translated(0, line * pitch)
            if not dirty.intersects(box):
                continue
            option.rect = box
            option.state = enabled
            if row == current:
                option.state |= QStyle.StateFlag.State_Selected
                if self.hasFocus():
                    option.state |= QStyle.StateFlag.State_HasFocus
            delegate.paint(painter, option, model.index(row, 0, root))
        painter.end()
        if (first, last) != self._seen:
            self._seen = (first, last)
            self.in_view.emit(first, last)

    def look_again(self) -> None:
        """Tell what is in view even if it is the same rows: what stands in them has changed."""
        self._seen = (-1, -1)
        self.viewport().update()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.scrollDirtyRegion(0, dy)
        self.viewport().scroll(0, dy)

    # Moving -----------------------------------------------------------------------------------------------

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        count = self.count
        if not count:
            return QModelIndex()
        current = self.currentIndex()
        if not current.isValid():
            return self.model().index(max(0, self.visible_rows()[0]), 0, self.rootIndex())
        moves = QAbstractItemView.CursorAction
        lines = max(1, self.viewport().height() // (self._tile.height() + self._gap))
        steps = {
            moves.MoveLeft: -1,
            moves.MovePrevious: -1,
            moves.MoveRight: 1,
            moves.MoveNext: 1,
            moves.MoveUp: -self.columns,
            moves.MoveDown: self.columns,
            moves.MovePageUp: -self.columns * lines,
            moves.MovePageDown: self.columns * lines,
            moves.MoveHome: -count,
            moves.MoveEnd: count,
        }
        row = current.row() + steps.get(action, 0)
        if action in (moves.MoveUp, moves.MoveDown) and not 0 <= row < count:
            last_line = (count - 1) // self.columns
            below = action == moves.MoveDown and current.row() // self.columns < last_line
            row = count - 1 if below else current.row()
        return self.model().index(min(count - 1, max(0, row)), 0, self.rootIndex())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move; everything else is the owner's, who accepts what it uses."""
        moving = {
            Qt.Key.Key_Left,
            Qt.Key.Key_Right,
            Qt.Key.Key_Up,
            Qt.Key.Key_Down,
            Qt.Key.Key_PageUp,
            Qt.Key.Key_PageDown,
            Qt.Key.Key_Home,
            Qt.Key.Key_End,
        }
        if event.key() in moving:
            super().keyPressEvent(event)
            return
        event.ignore()
        self.key_pressed.emit(event)

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        index = self.indexAt(rect.center() if rect.width() <= 1 else rect.topLeft())
        selection = QItemSelection(index, index) if index.isValid() else QItemSelection()
        self.selectionModel().select(selection, command)

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        region = QRegion()
        for index in selection.indexes():
            region += QRegion(self.visualRect(index))
        return region
