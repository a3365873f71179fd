"""How answers are found and shown: what is folded away under Settings."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QSpinBox

from app.i18n import tr
from app.widgets.section import Fold
from models.search.filters import Filters
from models.search.queries import SearchOptions


class Options(QObject):
    """changed: answers would be others. size_changed(name): other tiles. Put the controls into a fold with `fill`."""

    changed = Signal()
    size_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.side = QComboBox()
        self.side.addItem(tr("Pictures"), "pictures")
        self.side.addItem(tr("Captions"), "captions")
        self.method = QComboBox()
        for words, name in (
            (tr("likeness and words"), "hybrid"),
            (tr("likeness"), "likeness"),
            (tr("words"), "words"),
        ):
            self.method.addItem(words, name)
        self.kind = QComboBox()
        for words, name in (
            (tr("auto"), "auto"),
            (tr("exact"), "exact"),
            (tr("multi-index"), "multi-index"),
            (tr("inverted file"), "inverted"),
        ):
            self.kind.addItem(words, name)
        self.size = QComboBox()
        for words, name in ((tr("small"), "small"), (tr("medium"), "medium"), (tr("large"), "large")):
            self.size.addItem(words, name)
        self.size.setCurrentIndex(1)
        self.top = _number(200, 10, 5000, 50)
        self.rerank = _number(300, 0, 5000, 50)
        self.rerank.setSpecialValueText(tr("off"))
        self.words = _number(50, 0, 100, 5)
        self.workers = _number(0, 0, 64, 1)
        self.workers.setSpecialValueText(tr("auto"))
        self.keep = QCheckBox(tr("Keep embeddings in new indexes"))
        self.keep.setChecked(True)
        self.keep.setToolTip(
            tr(
                "In half precision: the best codes can then be ordered more finely. Without them an index is much smaller."
            )
        )
        for choice in (self.side, self.method):
            choice.currentIndexChanged.connect(lambda _index: self._tell())
        self.size.currentIndexChanged.connect(lambda _index: self.size_changed.emit(self.tile_size))
        for box in (self.top, self.rerank, self.words):
            box.valueChanged.connect(lambda _value: self._tell())
        self._fold: Fold | None = None

    def fill(self, fold: Fold) -> None:
        """Lay the controls out."""
        self._fold = fold
        fold.add_row(tr("Search in"), self.side, "", tr("Pictures, or the captions that came with them"))
        fold.add_row(
            tr("Find by"),
            self.method,
            "",
            tr("Likeness to the words, the words in names, captions, keywords and dates, or both"),
        )
        fold.add_row(tr("Thumbnails"), self.size, "", tr("How large the pictures of the grid are"))
        fold.add_row(tr("Most answers"), self.top, "", tr("At most so many are shown"))
        fold.add_row(
            tr("Re-rank the first"),
            self.rerank,
            "",
            tr("So many of the nearest codes are put in order by their embeddings"),
        )
        fold.add_row(
            tr("Words against picture"),
            self.words,
            "%",
            tr("How much the words count where a picture is given, too"),
        )
        fold.add_row(
            tr("Decoding processes"), self.workers, "", tr("That read pictures while a folder is indexed")
        )
        fold.add_row(
            tr("New indexes"),
            self.kind,
            "",
            tr(
                "How codes are searched. Exact is fastest up to about ten million; beyond, multi-index or inverted."
            ),
        )
        fold.add(self.keep)
        self._summarise()

    @property
    def tile_size(self) -> str:
        return str(self.size.currentData())

    @property
    def words_share(self) -> float:
        """0 to 1: of the words, beside a picture."""
        return self.words.value() / 100

    def search_options(self, fold: bool, filters: Filters) -> SearchOptions:
        """How the next question is searched."""
        side: Literal["pictures", "captions"] = (
            "captions" if self.side.currentData() == "captions" else "pictures"
        )
        return SearchOptions(
            top=self.top.value(),
            rerank=self.rerank.value(),
            fold=fold,
            side=side,
            method=self.method.currentData(),
            **asdict(filters),
        )

    def index_settings(self) -> dict[str, Any]:
        """Fields of `IndexSettings`, which are made of them off the GUI thread: importing them takes a while."""
        return {
            "keep_embeddings": self.keep.isChecked(),
            "workers": self.workers.value(),
            "kind": self.kind.currentData(),
        }

    def choose_side(self, side: str) -> None:
        """``pictures`` or ``captions``."""
        self.side.setCurrentIndex(self.side.findData(side))

    def state(self) -> dict[str, Any]:
        """The settings as plain values, for the next start."""
        return {
            "side": self.side.currentData(),
            "method": self.method.currentData(),
            "kind": self.kind.currentData(),
            "size": self.tile_size,
            "top": self.top.value(),
            "rerank": self.rerank.value(),
            "words": self.words.value(),
            "workers": self.workers.value(),
            "keep": self.keep.isChecked(),
        }

    def restore(self, state: object) -> None:
        """Set the controls as a `state` says, as far as it makes sense."""
        if not isinstance(state, dict):
            return
        choices = (("side", self.side), ("size", self.size), ("method", self.method), ("kind", self.kind))
        for name, choice in choices:
            index = choice.findData(state.get(name))
            if index >= 0:
                choice.setCurrentIndex(index)
        for name, box in (
            ("top", self.top),
            ("rerank", self.rerank),
            ("words", self.words),
            ("workers", self.workers),
        ):
            value = state.get(name)
            if isinstance(value, int):
                box.setValue(value)
        self.keep.setChecked(bool(state.get("keep", True)))

    def _tell(self) -> None:
        self._summarise()
        self.changed.emit()

    def _summarise(self) -> None:
        if self._fold is not None:
            words = tr("in {side}, best {n}", side=self.side.currentText().lower(), n=self.top.value())
            self._fold.set_summary(words)


def _number(value: int, least: int, most: int, step: int) -> QSpinBox:
    box = QSpinBox()
    box.setRange(least, most)
    box.setSingleStep(step)
    box.setValue(value)
    box.setFixedWidth(92)
    box.setKeyboardTracking(False)
    return box
