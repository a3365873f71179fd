"""Questions in words, and the small pictures that answered each, best first; right answers are ticked."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from app import theme
from app.i18n import tr

WORDS = 200  # px for the question
MOST = 56  # px of a picture


class Answers(QWidget):
    """A row a question. A right answer has a green line below it and a tick, a wrong one nothing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words: list[str] = []
        self._pictures: list[list[QPixmap]] = []
        self._right: list[list[bool]] = []
        self.setAccessibleName(tr("Answers"))
        theme.notifier.changed.connect(self.update)

    def set_rows(
        self, words: Sequence[str], pictures: Sequence[Sequence[str]], right: Sequence[Sequence[bool]]
    ) -> None:
        """pictures: base64 of JPEG or PNG, row by row; right: of each whether it is a right answer."""
        self._words = list(words)
        self._right = [list(row) for row in right]
        self._pictures = [[_pixmap(item) for item in row] for row in pictures]
        sentences = (f"{label}: {sum(row)} / {len(row)}" for label, row in zip(words, right, strict=True))
        self.setAccessibleDescription("; ".join(sentences))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._words:
            return
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.setFont(theme.font(theme.TEXT_PX))
        metrics = painter.fontMetrics()
        columns = max(1, max(map(len, self._pictures)))
        wide = (self.width() - WORDS) / columns
        row_height = min(MOST + 12.0, self.height() / len(self._words), wide)
        side = max(12.0, row_height - 10)
        for row, label in enumerate(self._words):
            top = row * row_height
            painter.setPen(theme.color("text"))
            place = QRectF(0, top, WORDS - 12, side)
            painter.drawText(
                place,
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
                metrics.elidedText(label, Qt.TextElideMode.ElideRight, WORDS - 12),
            )
            for column, (pixmap, right) in enumerate(zip(self._pictures[row], self._right[row], strict=True)):
                box = QRectF(WORDS + column * (side + 10), top, side, side)
                painter.drawPixmap(box, pixmap, QRectF(pixmap.rect()))
                if right:
                    painter.setPen(QPen(QColor(theme.GREEN), 3))
                    painter.drawLine(box.bottomLeft().toPoint(), box.bottomRight().toPoint())
        painter.end()


def _pixmap(encoded: str) -> QPixmap:
    pixmap = QPixmap()
    pixmap.loadFromData(base64.b64decode(encoded))
    return pixmap
