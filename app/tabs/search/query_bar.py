"""The one wide field, and under it what else is asked for: a picture, more like this, less like that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
    QKeyEvent,
    QKeySequence,
    QUndoStack,
)
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import tr
from app.tabs.search.chips import Chip, Part
from app.tabs.search.saved import SavedSearches
from app.undo import Undoing
from app.widgets.drop_zone import dropped_paths, take_drop
from app.widgets.labels import Hint
from models.search.queries import written_terms

DEBOUNCE_MS = 120
MOST_CHIPS = 6


class SearchField(QLineEdit):
    """Return submits, Down leaves into the results; a picture may be pasted."""

    down = Signal()
    pasted = Signal(object)  # uint8 [height, width, 3]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Paste):
            image = QGuiApplication.clipboard().image()
            if not image.isNull() and not QGuiApplication.clipboard().text():
                self.pasted.emit(pixels_of(image))
                return
        if event.key() == Qt.Key.Key_Down:
            self.down.emit()
            return
        super().keyPressEvent(event)


class QueryBar(QWidget):
    """changed: what is asked for is another; submitted: Return. dropped: files and folders."""

    changed = Signal()
    submitted = Signal()
    down = Signal()
    dropped = Signal(list)
    picture_asked = Signal()
    example_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.parts: list[Part] = []
        self.setAcceptDrops(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SMALL)
        column.addWidget(self._make_field())
        self._row = QHBoxLayout()
        self._row.setSpacing(theme.SMALL)
        holder = QWidget()
        holder.setFixedHeight(28)
        holder.setLayout(self._row)
        self._row.setContentsMargins(0, 0, 0, 0)
        self.note = Hint()
        self.note.setWordWrap(False)
        self.note.linkActivated.connect(self.example_chosen)
        self.count = Hint()
        self.count.setWordWrap(False)
        # A long note is cut rather than that it pushes the window apart.
        self.note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._row.addWidget(self.note, 1)
        self._row.addWidget(self.count)
        column.addWidget(holder)
        self._chips: list[Chip] = []
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(DEBOUNCE_MS)
        self._wait.timeout.connect(self.changed)

    def _make_field(self) -> QFrame:
        frame = QFrame()
        frame.setObjectName("query")
        frame.setProperty("surface", "query")
        frame.setFixedHeight(48)
        row = QHBoxLayout(frame)
        row.setContentsMargins(12, 0, theme.SMALL, 0)
        self.field = SearchField()
        self.field.setProperty("kind", "query")
        self.field.setPlaceholderText(tr("Type words, or drop a picture"))
        self.field.setAccessibleName(tr("Search"))
        self.field.setToolTip(
            tr(
                "Words to search by (Ctrl+F). cat -dog +0.5*snow turns away from dogs and a little towards snow. Return goes"
                " to the results."
            )
        )
        self.field.setClearButtonEnabled(True)
        self.field.setAcceptDrops(False)  # a file that is dropped is a picture, not its address
        self.field.textEdited.connect(lambda _text: self._wait.start())
        self.field.textChanged.connect(self._text_changed)
        self.field.returnPressed.connect(self._submit)
        self.field.down.connect(self.down)
        self.field.pasted.connect(lambda pixels: self.set_picture(pixels, tr("pasted picture")))
        self.latency = QLabel()
        self.latency.setProperty("role", "hint")
        self.latency.setToolTip(tr("How long the last search took, encoding included"))
        self.latency.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.latency.setMinimumWidth(52)
        self.by_picture = QToolButton()
        self.by_picture.setText(tr("Picture…"))
        self.by_picture.setToolTip(
            tr("Search by a picture: choose one, drop one, or paste one into the field")
        )
        self.by_picture.setAccessibleName(tr("Search by a picture"))
        self.by_picture.clicked.connect(self.picture_asked)
        row.addWidget(self.field, 1)
        row.addWidget(self.latency)
        row.addWidget(self.by_picture)
        self.saved = SavedSearches(self)
        row.addWidget(self.saved.button)
        self.field.installEventFilter(self)
        self._frame = frame
        return frame

    # What is asked for ------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        return self.field.text().strip()

    @property
    def asked(self) -> tuple[str, tuple[tuple[str, float], ...]]:
        """The words, and further words with their weights: those in the field, and those that are chips."""
        text, terms = written_terms(self.text)
        return text, terms + tuple((part.value, part.weight) for part in self.parts if part.kind == "term")

    @property
    def written(self) -> str:
        """The words with those that are chips, as they could be typed."""
        terms = [part for part in self.parts if part.kind == "term"]
        signed = [f'{"+" if part.weight > 0 else "-"}{abs(part.weight):g}*"{part.value}"' for part in terms]
        return " ".join([self.text, *signed]).strip()

    @property
    def weights(self) -> tuple[tuple[int, float], ...]:
        """Of the pictures that more (or less) should be like, by id."""
        return tuple((int(part.value), part.weight) for part in self.parts if part.kind in ("more", "less"))

    @property
    def picture(self) -> Path | np.ndarray | None:
        return next((part.value for part in self.parts if part.kind == "picture"), None)

    def ids(self, kind: str) -> tuple[int, ...]:
        """Of the pictures that more (or less) should be like."""
        return tuple(int(part.value) for part in self.parts if part.kind == kind)

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for: no words, no picture, and nothing to be more like. Words to avoid alone ask for nothing."""
        text, terms = self.asked
        words = text or any(weight > 0 for _, weight in terms)
        return not words and self.picture is None and not self.ids("more")

    def set_text(self, text: str) -> None:
        """As if it had been typed; searched at once."""
        self.field.setText(text)
        self._wait.stop()
        self.changed.emit()

    def set_picture(
        self, value: Path | np.ndarray | None, words: str = "", image: QImage | None = None
    ) -> None:
        """Ask for pictures like this one: a path, or pixels uint8 [height, width, 3]; None: no longer by a picture. words: its
        name on the chip. image: its small picture, where it has been read."""
        parts = [part for part in self.parts if part.kind != "picture"]
        self._set_parts([Part("picture", value, words, image), *parts] if value is not None else parts)

    def add(self, part: Part) -> None:
        """More or less like a picture; it is either, not both."""
        others = [item for item in self.parts if item.kind == "picture" or item.value != part.value]
        kept = [other for other in others if other.kind != "picture"][-(MOST_CHIPS - 2) :]
        self._set_parts([other for other in others if other.kind == "picture"] + kept + [part])

    def drop_ids(self) -> None:
        """Ids mean something in their own index only."""
        kept = [part for part in self.parts if part.kind in ("picture", "term")]
        if len(kept) < len(self.parts):
            self._set_parts(kept, tell=False)

    def set_image(self, value: object, image: QImage) -> None:
        """The small picture of a chip has been read."""
        for number, part in enumerate(self.parts):
            if part.value is value and part.image is None:
                self.parts[number] = replace(part, image=image)
                self._draw_chips()

    def remove(self, part: Part) -> None:
        """Take one chip away and search anew."""
        self._set_parts([item for item in self.parts if item is not part])
        self.field.setFocus()

    def clear(self) -> None:
        """Take the words and all chips away."""
        self.field.clear()
        self._set_parts([])

    def set_parts(self, parts: list[Part]) -> None:
        """These pictures are asked for, and no others."""
        self._set_parts(list(parts))

    def undoing(self, stack: QUndoStack) -> Undoing[list[Part]]:
        """What is changed of the pictures can be taken back."""
        result = Undoing(
            stack,
            lambda: tr("pictures of the question"),
            lambda: list(self.parts),
            self.set_parts,
            key=lambda parts: [(part.kind, part.words, str(part.value), part.weight) for part in parts],
        )
        self.changed.connect(result.look)
        return result

    def _set_parts(self, parts: list[Part], tell: bool = True) -> None:
        self.parts = parts
        self._draw_chips()
        if tell:
            self._wait.stop()
            self.changed.emit()

    def _text_changed(self, text: str) -> None:
        if not text and self.field.hasFocus():
            self._wait.start()  # the cross in the field was pressed

    def take_terms(self) -> None:
        """Words with a sign become chips, whose weight can be seen and changed."""
        text, terms = written_terms(self.text)
        if terms and (text or self.picture is not None or self.ids("more") or any(w > 0 for _, w in terms)):
            self.field.setText(text)
            made = [Part("term", words, words, weight=weight) for words, weight in terms]
            named = {part.value for part in made}
            others = [part for part in self.parts if part.kind != "term" or part.value not in named]
            self._set_parts([*others, *made][-MOST_CHIPS:], tell=False)

    def _submit(self) -> None:
        self._wait.stop()
        self.take_terms()
        self.submitted.emit()

    def type_on(self, text: str) -> None:
        """A letter typed elsewhere begins a new question here."""
        self.field.setFocus()
        self.field.setText(text)
        self._wait.start()

    def stop_waiting(self) -> None:
        """Do not search by itself for what was typed last."""
        self._wait.stop()

    # Chips ------------------------------------------------------------------------------------------------

    def _draw_chips(self) -> None:
        for old in self._chips:
            self._row.removeWidget(old)
            old.hide()
            old.deleteLater()
        self._chips = []
        for number, part in enumerate(self.parts):
            chip = self._chip(part)
            self._row.insertWidget(number, chip)
            self._chips.append(chip)

    def _chip(self, part: Part) -> Chip:
        chip = Chip(part)
        chip.clicked.connect(lambda: self.remove(part))
        chip.weighed.connect(lambda steps: self._weigh(part, steps))
        return chip

    def _weigh(self, part: Part, steps: int) -> None:
        place = next((number for number, other in enumerate(self.parts) if other is part), None)
        if place is None:
            return
        self.parts[place] = part.weighed(steps)
        self._draw_chips()
        self._chips[place].setFocus()
        self._wait.start()

    # Dropping ---------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_paths(event.mimeData()) or event.mimeData().hasImage():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        data = event.mimeData()
        paths = take_drop(data)
        if paths:
            self.dropped.emit(paths)
        elif data.hasImage() and not dropped_paths(data):
            self.set_picture(pixels_of(QImage(data.imageData())), tr("dropped picture"))
        event.acceptProposedAction()

    def eventFilter(self, watched: Any, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self._frame.setProperty("over", "true" if event.type() == QEvent.Type.FocusIn else "false")
            self._frame.style().unpolish(self._frame)
            self._frame.style().polish(self._frame)
        return super().eventFilter(watched, event)


def pixels_of(image: QImage) -> np.ndarray:
    """uint8 [height, width, 3] of an image of Qt's, on white."""
    flat = QImage(image.size(), QImage.Format.Format_RGB888)
    flat.fill(Qt.GlobalColor.white)
    from PySide6.QtGui import QPainter

    painter = QPainter(flat)
    painter.drawImage(0, 0, image)
    painter.end()
    rows = np.frombuffer(flat.constBits(), np.uint8).reshape(flat.height(), flat.bytesPerLine())
    return rows[:, : 3 * flat.width()].reshape(flat.height(), flat.width(), 3).copy()


def image_of(pixels: np.ndarray, side: int) -> QImage:
    """A small image of Qt's of uint8 [height, width, 3]."""
    data = np.ascontiguousarray(pixels)
    height, width = data.shape[:2]
    image = QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
    return image.scaled(
        side, side, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
