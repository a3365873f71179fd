"""How near the tracks come to reference tracks, a row a reference."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import digits, tr
from app.widgets.plain import tip
from app.widgets.tables import RIGHT, for_reading, set_heads
from models.separation.results import TrackScores

FIELDS = ("si_sdr", "si_sdri", "sdr", "sdri", "stoi", "pesq")
ROW = 26


class ScoreTable(QWidget):
    """References, the track that each was matched with, and its scores; hidden while there are none."""

    closed = Signal()
    export_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[tuple[Path, str, TrackScores]] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.SMALL, 0, 0)
        column.setSpacing(theme.TINY)
        head = QHBoxLayout()
        caption = QLabel(tr("Against the references"))
        caption.setProperty("role", "hint")
        export, close = QPushButton(tr("Export…")), QPushButton(tr("Remove references"))
        for button in (export, close):
            button.setProperty("kind", "link")
        export.setAccessibleName(tr("Export the scores"))
        export.clicked.connect(self.export_asked)
        close.clicked.connect(self.closed)
        head.addWidget(caption, 1)
        head.addWidget(export)
        head.addWidget(close)
        column.addLayout(head)
        self.table = QTableWidget(0, 2 + len(FIELDS))
        titles = [(tr("Reference"), ""), (tr("Track"), ""), *self._score_heads()]
        for_reading(self.table, tr("Against the references"), ROW)
        heads, explained = zip(*titles, strict=True)
        set_heads(self.table, heads, range(2, len(titles)), explained)
        self.table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.resizeSection(1, 96)
        for number in range(2, 2 + len(FIELDS)):
            header.resizeSection(number, max(56, header.sectionSizeHint(number)))
        column.addWidget(self.table)
        self.hide()

    def show_scores(
        self, references: Sequence[Path], names: Sequence[str], scores: Sequence[TrackScores]
    ) -> None:
        """In the references' order; `names` of the tracks."""
        self._rows = [
            (path, names[score.track], score) for path, score in zip(references, scores, strict=True)
        ]
        self.table.setRowCount(len(self._rows))
        for number, (path, name, entry) in enumerate(self._rows):
            texts = [path.name, name, *(_score_text(entry, field) for field in FIELDS)]
            for place, text in enumerate(texts):
                item = QTableWidgetItem(text)
                if place > 1:
                    item.setTextAlignment(RIGHT)
                item.setToolTip(tip(str(path)) if place == 0 else "")
                self.table.setItem(number, place, item)
        self.table.setFixedHeight(
            self.table.horizontalHeader().sizeHint().height() + ROW * len(self._rows) + 4
        )
        self.show()

    def rename(self, names: Sequence[str]) -> None:
        """The tracks are called something else now."""
        self._rows = [(path, names[item.track], item) for path, _name, item in self._rows]
        for number, (_path, name, _scores) in enumerate(self._rows):
            self.table.setItem(number, 1, QTableWidgetItem(name))

    def show_nothing(self) -> None:
        """There are no scores: the table is hidden."""
        self._rows = []
        self.table.setRowCount(0)
        self.hide()

    @property
    def filled(self) -> bool:
        return bool(self._rows)

    def as_csv(self) -> bytes:
        """reference, track, and the scores; empty where a score is not defined."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["reference", "track", *FIELDS])
        for path, name, item in self._rows:
            values = [getattr(item, field) for field in FIELDS]
            writer.writerow([str(path), name, *("" if value is None else f"{value:.4f}" for value in values)])
        return out.getvalue().encode()

    @staticmethod
    def _score_heads() -> list[tuple[str, str]]:
        """Title and explanation of each of FIELDS."""
        better = tr("By how much that is better than the mixture itself")
        return [
            (tr("SI-SDR, dB"), tr("Scale-invariant signal-to-distortion ratio of the track")),
            (tr("SI-SDRi, dB"), better),
            (tr("SDR, dB"), tr("Signal-to-distortion ratio, a short filter allowed")),
            (tr("SDRi, dB"), better),
            (tr("STOI"), tr("Intelligibility, 0 to 1")),
            (tr("PESQ"), tr("Perceived quality, 1 to 4.5")),
        ]


def _score_text(scores: TrackScores, field: str) -> str:
    value = getattr(scores, field)
    if value is None:
        return "–"
    return f"{value:.3f}" if field == "stoi" else f"{value:.2f}" if field == "pesq" else digits(value, ".1f")
