"""What a checkpoint says about itself, at the right of a tab."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QUrl
from PySide6.QtGui import (
    QDesktopServices,
    QTextBlock,
    QTextBlockFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextOption,
    QTextTable,
)
from PySide6.QtWidgets import QTextBrowser, QWidget

from app import theme
from app.i18n import tr

if TYPE_CHECKING:
    from models.checkpoint import CheckpointInfo


class ModelCard(QTextBrowser):
    """Markdown in the sizes of the window. A card is written by whoever made the model: its links to the web open in the
    person's browser, other links and pictures of other files do nothing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "card")
        self.setOpenLinks(False)
        self.anchorClicked.connect(self._follow)
        self.setWordWrapMode(QTextOption.WrapMode.WordWrap)
        self.setAccessibleName(tr("Model card"))

    def loadResource(self, kind: int, url: QUrl | str) -> Any:
        """No file and no address is read for a card."""
        return None

    def _follow(self, link: QUrl) -> None:
        if link.scheme().lower() in ("http", "https"):
            QDesktopServices.openUrl(link)

    def show_info(self, info: CheckpointInfo) -> None:
        """The card, or the title where there is none."""
        self.setMarkdown(info.card or info.title)
        self.document().setDocumentMargin(0)
        in_sizes_of_window(self.document(), theme.SECTION_PX)
        self.moveCursor(QTextCursor.MoveOperation.Start)


def in_sizes_of_window(document: QTextDocument, heading_px: int) -> None:
    """Headings, tables and the room between paragraphs as in the window; Qt's own are for a printed page.

    heading_px: of the first level; the others are as large as text.
    """
    for block in _blocks(document):
        cursor = QTextCursor(block)
        cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
        level = block.blockFormat().headingLevel()
        table = cursor.currentTable()
        if level:
            _resize(cursor, heading_px if level == 1 else theme.TEXT_PX)
        elif table is not None:
            _resize(cursor, theme.HINT_PX)
            _tighten(table)
        if table is None:
            space = QTextBlockFormat()
            space.setBottomMargin(theme.SMALL)
            cursor.mergeBlockFormat(space)


def _blocks(document: QTextDocument) -> Iterator[QTextBlock]:
    block = document.begin()
    while block.isValid():
        yield block
        block = block.next()


def _resize(cursor: QTextCursor, pixels: int) -> None:
    made = cursor.charFormat()
    made.clearProperty(QTextFormat.Property.FontSizeAdjustment)  # of a heading; it would win
    made.setProperty(QTextFormat.Property.FontPixelSize, pixels)
    cursor.setCharFormat(made)


def _tighten(table: QTextTable) -> None:
    """No lines, little room: a card's column is narrow."""
    made = table.format()
    made.setBorder(0)
    made.setCellSpacing(0)
    made.setCellPadding(3)
    made.setBottomMargin(theme.SMALL)
    table.setFormat(made)
