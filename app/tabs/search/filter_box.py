"""Which pictures may be answers at all: of some days, of a shape, with a label, in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QLineEdit, QPushButton

from app.i18n import series, tr
from app.widgets.combo import ElidedCombo
from app.widgets.section import Fold
from models.search.filters import Filters

WIDTH_PX = 124


class FilterBox(QObject):
    """A fold with the filters. changed: others are set."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.fold = Fold(tr("Narrow the answers"))
        self.since, self.until = QLineEdit(), QLineEdit()
        for field in (self.since, self.until):
            field.setPlaceholderText(tr("2024-05"))
            field.editingFinished.connect(self._tell)
        self.orientation = ElidedCombo("", "")
        for words, name in (
            (tr("any"), "any"),
            (tr("landscape"), "landscape"),
            (tr("portrait"), "portrait"),
            (tr("square"), "square"),
        ):
            self.orientation.addItem(words, name)
        self.label, self.folder = ElidedCombo("", ""), ElidedCombo("", "")
        self.show_choices((), ())
        for box in (self.orientation, self.label, self.folder):
            box.currentIndexChanged.connect(lambda _index: self._tell())
        rows = (
            (
                tr("Taken from"),
                self.since,
                tr("Taken in this year, month or day, or later: 2024, 2024-05, 2024-05-01"),
            ),
            (tr("Taken until"), self.until, tr("Taken in this year, month or day, or earlier")),
            (tr("Shape"), self.orientation, tr("Wider than high, higher than wide, or as wide as high")),
            (tr("Label"), self.label, tr("A label that the list beside the pictures gives them")),
            (tr("Folder"), self.folder, tr("Only pictures of this folder of the index")),
        )
        for title, widget, tooltip in rows:
            widget.setFixedWidth(WIDTH_PX)
            self.fold.add_row(title, widget, "", tooltip)
        self.clear = QPushButton(tr("Clear the filters"))
        self.clear.setProperty("kind", "link")
        self.clear.clicked.connect(lambda: self.set_filters(Filters()))
        self.fold.add(self.clear)
        self._last = Filters()
        self._summarise()

    @property
    def filters(self) -> Filters:
        return Filters(
            folder=str(self.folder.currentData() or ""),
            since=self.since.text().strip(),
            until=self.until.text().strip(),
            orientation=self.orientation.currentData(),
            label=str(self.label.currentData() or ""),
        )

    def set_filters(self, filters: Filters) -> None:
        """Show these, and tell if they are others."""
        self.since.setText(filters.since)
        self.until.setText(filters.until)
        for box, value in (
            (self.orientation, filters.orientation),
            (self.label, filters.label),
            (self.folder, filters.folder),
        ):
            box.blockSignals(True)
            box.setCurrentIndex(max(0, box.findData(value)))
            box.blockSignals(False)
        self._tell()

    def show_choices(self, labels: Sequence[str], folders: Sequence[Path]) -> None:
        """What the index has to choose from; a choice that it does not have is given up."""
        offered = (
            (self.label, [(label, label) for label in labels]),
            (self.folder, [(folder.name or str(folder), str(folder)) for folder in folders]),
        )
        for box, choices in offered:
            before = box.currentData()
            box.blockSignals(True)
            box.clear()
            box.addItem(tr("any"), "")
            for words, value in choices:
                box.addItem(words, value)
            box.setCurrentIndex(max(0, box.findData(before)))
            box.setEnabled(bool(choices))
            box.blockSignals(False)

    def state(self) -> dict[str, str]:
        """As it is kept over the end of the program."""
        filters = self.filters
        return {"since": filters.since, "until": filters.until, "orientation": filters.orientation}

    def restore(self, state: object) -> None:
        """What `state` has said; anything else is passed over."""
        if isinstance(state, dict):
            kept = {name: str(state.get(name, "")) for name in ("since", "until")}
            shape = self.orientation.itemData(max(0, self.orientation.findData(state.get("orientation"))))
            self.set_filters(Filters(**kept, orientation=shape))

    def _tell(self) -> None:
        self._summarise()
        if self.filters != self._last:
            self._last = self.filters
            self.changed.emit()

    def _summarise(self) -> None:
        filters = self.filters
        parts = [
            tr("since {day}", day=filters.since) if filters.since else "",
            tr("until {day}", day=filters.until) if filters.until else "",
            self.orientation.currentText() if filters.orientation != "any" else "",
            filters.label,
            self.folder.currentText() if filters.folder else "",
        ]
        self.fold.set_summary(series(part for part in parts if part) or tr("none"))
        self.clear.setEnabled(not filters.all_pass)
