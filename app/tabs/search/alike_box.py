"""How alike an answer must be at least, and whether near-duplicates are folded."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QLabel, QSlider, QVBoxLayout, QWidget

from app import theme
from app.i18n import tr
from app.tabs.search.grid import GridItem


class AlikeBox(QWidget):
    """How alike an answer must be at least, and whether near-duplicates are folded. changed: either is another."""

    threshold_changed = Signal()
    fold_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.TINY)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setPageStep(5)
        self.slider.setAccessibleName(tr("How alike an answer must be"))
        self.slider.setToolTip(
            tr(
                "Answers less alike than so many percent of what random questions find are left out, unless the words"
                " were found; at the left end all are shown"
            )
        )
        self.slider.valueChanged.connect(lambda _value: self.threshold_changed.emit())
        self.words = QLabel()
        self.words.setProperty("role", "hint")
        self.fold = QCheckBox(tr("Fold near-duplicates"))
        self.fold.setToolTip(tr("Show pictures that are nearly the same once"))
        self.fold.toggled.connect(lambda _on: self.fold_changed.emit())
        for widget in (self.slider, self.words, self.fold):
            column.addWidget(widget)
        self.show_count(0, 0)

    @property
    def least(self) -> float:
        """The percentile from which answers are shown; 0 lets all pass."""
        return float(self.slider.value())

    def passes(self, item: GridItem) -> bool:
        """Whether an answer is alike enough, or its words were found."""
        return item.percentile is None or item.percentile >= self.least or item.written

    def show_count(self, shown: int, total: int) -> None:
        """How many of the answers are shown."""
        value = self.slider.value()
        least = tr("above {n} % of chance", n=value) if value else tr("any likeness")
        if total:
            least += " · " + tr("{shown} of {found} answers", shown=f"{shown:,}", found=f"{total:,}")
        self.words.setText(least)
