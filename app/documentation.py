"""The pages of the documentation, read without a network: Markdown, rendered by Qt."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QImage, QResizeEvent, QTextCursor, QTextDocument
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import tr
from app.widgets import focus
from app.widgets.model_card import in_sizes_of_window
from app.widgets.plain import tip
from models.resources import docs_folder

WIDTH, HEIGHT = 980, 640
BESIDE_PICTURE = (
    48  # px of a page that a picture as wide as the text leaves: margins, and the frame of a table around it
)
ROUNDED_PX = 4  # Qt lays a table out wider than the page that it is to fit by as much
FIRST = ("storage.md", "models.md", "emotion.md")  # what most people look for; the others follow by name


class Documentation(QDialog):
    """A list of pages, and the chosen one."""

    def focusNextPrevChild(self, next: bool) -> bool:
        return focus.move(self, next)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Documentation"))
        self.resize(WIDTH, HEIGHT)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.LARGE, theme.LARGE, theme.LARGE, theme.MEDIUM)
        layout.setSpacing(theme.SMALL)
        self.list = QListWidget()
        self.list.setFixedWidth(240)
        self.list.setAccessibleName(tr("Pages"))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.page = _Page()
        row = QHBoxLayout()
        row.setSpacing(theme.MEDIUM)
        row.addWidget(self.list)
        row.addWidget(self.page, 1)
        layout.addLayout(row, 1)
        for path in pages():
            item = QListWidgetItem(title_of(path))
            item.setData(Qt.ItemDataRole.UserRole, path.name)
            item.setToolTip(tip(item.text()))
            self.list.addItem(item)
        self.list.currentItemChanged.connect(lambda item, _before: self._show(item))
        self.page.asked.connect(self.show_page)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        self.list.setCurrentRow(0)

    def show_page(self, name: str) -> None:
        """Open a page by the name of its file; nothing happens for one there is not."""
        for row in range(self.list.count()):
            if self.list.item(row).data(Qt.ItemDataRole.UserRole) == name:
                self.list.setCurrentRow(row)

    def _show(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.page.open(docs_folder() / item.data(Qt.ItemDataRole.UserRole))


class _Page(QTextBrowser):
    """Pictures beside the pages are shown as wide as there is room; links to pages stay here, others open in the browser.

    asked: the name of the file of another page.
    """

    asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setOpenLinks(False)
        self.setLineWrapMode(QTextBrowser.LineWrapMode.FixedPixelWidth)
        self.setAccessibleName(tr("Page"))
        self.anchorClicked.connect(self._follow)
        self._folder = docs_folder()

    def open(self, path: Path) -> None:
        """Show a page from its beginning."""
        try:
            text = path.read_text("utf-8")
        except OSError as error:
            text = str(error)
        self.setMarkdown(text)
        self.document().setDocumentMargin(theme.MEDIUM)
        in_sizes_of_window(self.document(), theme.BIG_PX)
        self.moveCursor(QTextCursor.MoveOperation.Start)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.setLineWrapColumnOrWidth(self.viewport().width() - ROUNDED_PX)

    def loadResource(self, kind: int, url: QUrl | str) -> object:
        name = QUrl(url).path()
        path = (self._folder / name).resolve()
        if kind == QTextDocument.ResourceType.ImageResource.value and path.is_relative_to(
            self._folder.resolve()
        ):
            image = QImage(str(path))
            most = max(200, self.viewport().width() - BESIDE_PICTURE)
            wide = image.width() > most
            return image.scaledToWidth(most, Qt.TransformationMode.SmoothTransformation) if wide else image
        return None

    def _follow(self, link: QUrl) -> None:
        if link.scheme() in ("http", "https"):
            QDesktopServices.openUrl(link)
        elif link.path().endswith(".md"):
            self.asked.emit(Path(link.path()).name)
        elif link.hasFragment():
            self.scrollToAnchor(link.fragment())


def pages() -> list[Path]:
    """The pages that there are, in the order of the list."""
    by_name = {path.name: path for path in docs_folder().glob("*.md")}
    first = [by_name.pop(name) for name in FIRST if name in by_name]
    return [*first, *(by_name[name] for name in sorted(by_name))]


def title_of(path: Path) -> str:
    """A page's own heading."""
    for line in path.read_text("utf-8", "replace").splitlines():
        if line.startswith("# "):
            return line[2:].strip()
    return path.stem
