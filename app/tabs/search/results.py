"""The grid with its preview: what is shown, which one is chosen, and the keys."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QModelIndex, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QLabel, QMenu, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app import theme
from app.i18n import tr
from app.tabs.search.grid import GridItem, Pictures
from app.tabs.search.preview import Preview
from app.tabs.search.thumbnails import Thumbnail, Thumbnails
from app.tabs.search.tile import LARGEST_ZOOM, SIZES, TileDelegate, picture_box
from app.widgets.gallery import Gallery

LARGE = QSize(1600, 1600)  # px, of the preview and the details
LARGE_BYTES = 96 * 2**20
WANTED_KEYS = {
    Qt.Key.Key_Return: "open",
    Qt.Key.Key_Enter: "open",
    Qt.Key.Key_Plus: "more",
    Qt.Key.Key_Minus: "less",
    Qt.Key.Key_Equal: "more",
}


class Results(QWidget):
    """chosen(GridItem or None): the current picture. wanted(action): see `Details.wanted`. image_ready: the large picture of
    the current one has been read. left(text): the person goes back to the field, perhaps typing a letter."""

    chosen = Signal(object)
    wanted = Signal(str)
    image_ready = Signal()
    left = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.pictures = Pictures()
        self.pictures.setParent(self)
        self.thumbnails = Thumbnails(picture_box("medium", 1.0), LARGEST_ZOOM, parent=self)
        self.large = Thumbnails(LARGE, most_bytes=LARGE_BYTES, parent=self)
        self.gallery = Gallery(SIZES["medium"])
        self.gallery.setAccessibleName(tr("Pictures"))
        self.delegate = TileDelegate(self.thumbnails)
        self.delegate.setParent(self)
        self.gallery.setItemDelegate(self.delegate)
        self.gallery.setModel(self.pictures)
        self.preview = Preview(self.large, self)
        self._rows_of: dict[Path, list[int]] = {}
        self._hits: list[GridItem] = []
        self._unfolded: set[int] = set()  # ids of answers whose near-duplicates are shown
        self.stack = QStackedWidget()
        self.stack.addWidget(self._make_empty())
        self.stack.addWidget(self.gallery)
        column.addWidget(self.stack)
        self._size = "medium"
        self.gallery.in_view.connect(self._ask)
        self.gallery.key_pressed.connect(self._key)
        self.gallery.doubleClicked.connect(lambda _index: self.wanted.emit("open"))
        self.gallery.selectionModel().currentChanged.connect(self._current_changed)
        self.gallery.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.thumbnails.ready.connect(self._arrived)
        self.large.ready.connect(lambda _paths: self.image_ready.emit())
        self.preview.moved.connect(self._move_preview)
        self.preview.closed.connect(self.gallery.setFocus)

    def _make_empty(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.setSpacing(theme.SMALL)
        self.empty_title = QLabel()
        self.empty_title.setProperty("role", "title")
        self.empty_text = QLabel()
        self.empty_text.setWordWrap(True)
        self.empty_text.setMaximumWidth(460)
        self.empty_text.setMinimumWidth(380)
        for label in (self.empty_title, self.empty_text):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            column.addWidget(label, 0, Qt.AlignmentFlag.AlignHCenter)
        self.empty_button = QPushButton(tr("Try the sample"))
        column.addSpacing(theme.SMALL)
        column.addWidget(self.empty_button, 0, Qt.AlignmentFlag.AlignHCenter)
        return page

    # What is shown ----------------------------------------------------------------------------------------

    @property
    def current(self) -> GridItem | None:
        """The tile that is chosen; None where none is, or where it has not been fetched yet."""
        index = self.gallery.currentIndex()
        return self.pictures.at(index.row()) if index.isValid() else None

    def show_empty(self, title: str, text: str, button: bool) -> None:
        """Show a heading, a sentence and, if asked for, the button that tries the sample, in place of the grid."""
        self.empty_title.setText(title)
        self.empty_text.setText(text)
        self.empty_button.setVisible(button)
        self.stack.setCurrentIndex(0)

    def show_grid(self) -> None:
        """Show the grid of pictures in place of the empty page."""
        self.stack.setCurrentIndex(1)

    def show_hits(self, hits: list[GridItem], other: bool) -> None:
        """Answers, the best first; near-duplicates behind those that were unfolded. other: to another question."""
        if other:
            self._unfolded.clear()
        self._hits = hits
        shown = []
        for hit in hits:
            shown += [hit, *(hit.folded if hit.id in self._unfolded else ())]
        self.pictures.show_hits(shown)

    def toggle_folded(self) -> None:
        """Show the near-duplicates of the current answer behind it, or fold them away again."""
        current = self.current
        if current is not None and current.folded and self.pictures.hits is not None:
            self._unfolded ^= {current.id}
            self.show_hits(self._hits, False)
            self.keep_current(current.id, False)

    def keep_current(self, number: int | None, choose_first: bool) -> None:
        """Choose the picture with this id again, or the first."""
        row = self.pictures.row_of(number) if number is not None else -1
        if row < 0 and choose_first and self.pictures.rowCount():
            row = 0
            self.gallery.scrollToTop()
        if row >= 0:
            self.gallery.setCurrentIndex(self.pictures.index(row))
        elif self.pictures.rowCount() == 0:
            self.chosen.emit(None)
        self.gallery.look_again()

    def enter(self) -> None:
        """The keys go to the grid now, to its first picture if none is chosen."""
        if self.pictures.rowCount():
            self.gallery.setFocus()
            if not self.gallery.currentIndex().isValid():
                self.gallery.setCurrentIndex(self.pictures.index(0))

    def set_size(self, name: str) -> None:
        """``small``, ``medium`` or ``large`` tiles."""
        self._size = name if name in SIZES else "medium"
        tile = SIZES[self._size]
        ratio = self.devicePixelRatioF()
        self.thumbnails.set_box(picture_box(self._size, ratio), LARGEST_ZOOM * ratio)
        self.gallery.set_tile(tile)
        index = self.gallery.currentIndex()
        if index.isValid():
            self.gallery.scrollTo(index)
        self.gallery.look_again()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DevicePixelRatioChange and hasattr(self, "_size"):
            self.set_size(self._size)
        return super().event(event)

    def set_dimmed(self, dimmed: bool) -> None:
        """The last answers stay, paler, while others are looked for."""
        self.gallery.setEnabled(not dimmed)

    def large_picture(self, shown: GridItem) -> Thumbnail | None:
        """In large if it has been read, else as the grid has it."""
        return self.large.find(shown.path) or self.thumbnails.find(shown.path)

    def show_why(self) -> None:
        """The current picture in large, and where in it the answer lies."""
        self.preview.explains = True
        self.show_preview()

    def show_preview(self) -> None:
        """Show the chosen picture in large; nothing where none is chosen."""
        if self.current is not None:
            self.preview.show_picture(self.current)

    def forget_pictures(self) -> None:
        """Files may have changed: read them anew."""
        self.thumbnails.forget()
        self.large.forget()
        self.gallery.look_again()

    def close_threads(self) -> None:
        """End the threads that read pictures."""
        self.thumbnails.close()
        self.large.close()

    # Reading ----------------------------------------------------------------------------------------------

    def _ask(self, first: int, last: int) -> None:
        """What is in view first, then the screen below, then the one above."""
        count = max(1, last - first + 1)
        end = self.pictures.rowCount()
        rows = [
            *range(first, last + 1),
            *range(last + 1, min(end, last + 1 + count)),
            *range(max(0, first - count), first),
        ]
        paths: dict[Path, None] = {}
        self._rows_of = {}
        for row in rows:
            shown = self.pictures.at(row)
            if shown is not None:
                paths[shown.path] = None
                self._rows_of.setdefault(shown.path, []).append(row)
        self.thumbnails.ask(list(paths))

    def _arrived(self, paths: set[Path]) -> None:
        for path in paths:
            for row in self._rows_of.get(path, ()):
                self.gallery.viewport().update(self.gallery.rect_of(row))

    def _current_changed(self, current: QModelIndex, _before: QModelIndex) -> None:
        shown = self.pictures.at(current.row()) if current.isValid() else None
        if shown is not None:
            self.large.ask([shown.path])
        self.chosen.emit(shown)
        if self.preview.isVisible() and shown is not None:
            self.preview.show_picture(shown)

    # Keys -------------------------------------------------------------------------------------------------

    def _key(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        plain = (
            not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier & ~Qt.KeyboardModifier.ShiftModifier
        )
        if event.matches(QKeySequence.StandardKey.Copy):
            self.wanted.emit("path")
        elif key == Qt.Key.Key_C and event.modifiers() == (
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        ):
            self.wanted.emit("picture")
        elif key == Qt.Key.Key_Space:
            self.show_preview()
        elif plain and key in WANTED_KEYS and self.current is not None:
            self.wanted.emit(WANTED_KEYS[key])
        elif key == Qt.Key.Key_Escape:
            self.left.emit("")
        elif plain and event.text().isprintable() and event.text().strip():
            self.left.emit(event.text())
        else:
            return
        event.accept()

    def _move_preview(self, event: QKeyEvent) -> None:
        self.gallery.keyPressEvent(event)
        self.preview.setFocus()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        place = event.pos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard and self.gallery.currentIndex().isValid():
            box = self.gallery.visualRect(self.gallery.currentIndex())
            place = self.mapFromGlobal(self.gallery.viewport().mapToGlobal(box.center()))
        index = self.gallery.indexAt(self.gallery.viewport().mapFrom(self, place))
        if not index.isValid():
            return
        self.gallery.setCurrentIndex(index)
        self.menu().popup(self.mapToGlobal(QPoint(place)))

    def menu(self) -> QMenu:
        """What can be done with the current picture."""
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        gone = self.current is not None and not self.current.path.exists()
        for key, words in (
            ("open", tr("Open")),
            ("preview", tr("Preview")),
            ("why", tr("Why it matched")),
            ("folder", tr("Show in folder")),
            ("path", tr("Copy path")),
            ("picture", tr("Copy picture")),
            ("", ""),
            ("more", tr("More like this")),
            ("less", tr("Less like this")),
            ("captions", tr("Find captions for it")),
            ("unfold", tr("Show or fold near-duplicates")),
        ):
            if not key:
                menu.addSeparator()
                continue
            action = menu.addAction(words)
            action.setEnabled(not (gone and key in ("open", "picture", "captions")))
            if key == "why":
                action.setEnabled(self.current is not None and self.current.score is not None)
            action.setVisible(key != "unfold" or (self.current is not None and bool(self.current.folded)))
            action.triggered.connect(
                lambda _on=False, which=key: (
                    self.show_preview() if which == "preview" else self.wanted.emit(which)
                )
            )
        return menu
