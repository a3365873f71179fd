"""The sequences that are open: where to drop others, what they are, and which of them is shown."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSpinBox, QVBoxLayout, QWidget

from app import theme
from app.i18n import plural, tr
from app.tabs.reverberation.session import MeshSession
from app.tabs.reverberation.snapshots import words_of
from app.widgets.drop_zone import DropZone
from app.widgets.labels import Hint
from models.reverberation.sequences import Sequences, from_array


class SequenceBox(QWidget):
    """sample_wanted(): the link was followed."""

    sample_wanted = Signal()

    def __init__(self, session: MeshSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.zone = DropZone(tr("Drop sequences"), ".npz .npy .csv .parquet")
        self.about = Hint()
        self.about.setTextFormat(Qt.TextFormat.PlainText)  # it names a file
        self.sample = Hint(f'<a href="sample">{tr("Try the sample")}</a>')
        self.sample.linkActivated.connect(lambda _link: self.sample_wanted.emit())
        self.number = QSpinBox()
        self.number.setRange(0, 0)
        self.number.setSpecialValueText(tr("mean of all"))
        self.number.setToolTip(tr("Which sequence is shown; several are selected in the heat map"))
        self.number.setAccessibleName(tr("Sequence"))
        theme.pad(self.number)
        self.number.valueChanged.connect(lambda value: session.select([value - 1] if value else []))
        label = QLabel(tr("Sequence"))
        label.setBuddy(self.number)
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self.number, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SMALL)
        for widget in (self.zone, self.about, self.sample):
            column.addWidget(widget)
        column.addLayout(row)
        session.opened.connect(self._show_opened)
        session.selected.connect(self._show_selected)

    def _show_opened(self) -> None:
        sequences = self._session.sequences
        assert sequences is not None
        self.about.setText(words_of(sequences))
        self.number.blockSignals(True)
        self.number.setRange(0, len(sequences))
        self.number.blockSignals(False)

    def _show_selected(self) -> None:
        rows = self._session.selection
        several = plural("mean of {n} selected", "mean of {n} selected", len(rows))
        self.number.blockSignals(True)
        self.number.setSpecialValueText(several if len(rows) > 1 else tr("mean of all"))
        self.number.setValue(rows[0] + 1 if len(rows) == 1 else 0)
        self.number.blockSignals(False)


def sequences_of(payload: object) -> Sequences | None:
    """What another tab sends: an array [n, time, width], or a mapping of ``x``, perhaps ``y`` [n] and ``title``.

    None where it is something else. Raises UserError where its numbers are no sequences.
    """
    given = payload if isinstance(payload, Mapping) else {"x": payload}
    x, y = given.get("x"), given.get("y")
    if not isinstance(x, np.ndarray) or not isinstance(y, np.ndarray | None):
        return None
    return from_array(x, y, title=str(given.get("title", "") or tr("sent here")))
