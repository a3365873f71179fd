"""The figures of models beside one another: MAP by length of the code, precision over recall, and a table of all."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem

from app import theme
from app.i18n import tr, translate
from app.widgets.plot import Plot, Range
from app.widgets.tables import for_reading, set_heads
from models.datafiles import write_whole

if TYPE_CHECKING:
    from models.search.judging import Judgement
    from models.search.retrieval import Judged

WORDS_TO_PICTURES, PICTURES_TO_WORDS = "text → image", "image → text"
CEILING = "real"
END_PX = 16  # between the last point and the edge, besides the name


def method_words(method: str) -> str:
    """How it was asked, for people."""
    return {
        "single": tr("codes, asked alone"),
        "paired": tr("codes, with their other half"),
        "real": tr("embeddings (ceiling)"),
        "encoder": tr("encoder alone"),
    }.get(method, method)


def of_way(judgement: Judgement, way: str) -> list[Judged]:
    """What was measured in one direction, `WORDS_TO_PICTURES` or `PICTURES_TO_WORDS`: one entry a method."""
    return [item for item in judgement.judged if item.way == way]


def the(judgement: Judgement, way: str, method: str) -> Judged | None:
    """What was measured in one direction by one method (see `method_words`); None where it was not."""
    return next((item for item in of_way(judgement, way) if item.method == method), None)


class MapPlot(Plot):
    """MAP@50 over bits: a point a model with the bounds by ties, against ceiling and chance."""

    def __init__(self) -> None:
        super().__init__(
            tr("MAP@50 by bits"), tr("bits of a code"), "", "MAP@50", "", zoom=False, readout=False
        )
        self._items: list[pg.GraphicsObject] = []
        self._ends = (np.log2(16) - 0.9, np.log2(128))
        self._shown: tuple[Sequence[Judgement], str] = ((), WORDS_TO_PICTURES)
        self.on_retheme.append(lambda: self.show_figures(*self._shown))

    def x_words(self, x: float) -> str:
        """The axis is logarithmic: 16, 32, 64 bits are equally far from one another."""
        return tr("{bits} bits", bits=round(2.0**x))

    def show_figures(self, judgements: Sequence[Judgement], way: str) -> None:
        """Draw the mean average precision of these models in one direction; of none: empty axes."""
        self._shown = (judgements, way)
        for item in self._items:
            self.removeItem(item)
        self._items = []
        for line in list(self.lines):
            line.remove()
        rows = (
            sorted(
                (judgement.bits, judgement)
                for judgement in judgements
                if _map(the(judgement, way, "single")) is not None
            )
            if judgements
            else []
        )
        lengths = sorted({bits for bits, _ in rows}) or [16, 32, 64, 128]
        self.getPlotItem().getAxis("bottom").setTicks(
            [[(float(np.log2(bits)), str(bits)) for bits in lengths]]
        )
        low, last = np.log2(lengths[0]) - 0.9, np.log2(lengths[-1])
        tops = [0.1 if rows else 0.9]
        for method, color, shift in (("paired", theme.GREY, 0.06), ("single", "accent", 0.0)):
            tops.append(self._draw_method([entry for _, entry in rows], way, method, color, shift))
        for method, words, color in (
            (CEILING, tr("ceiling"), theme.ORANGE),
            ("chance", tr("chance"), "muted"),
        ):
            values = [value for _, entry in rows if (value := _level(entry, way, method)) is not None]
            if values:
                self._draw_level(words, color, float(np.mean(values)), (low, last + 0.25))
                tops.append(float(np.mean(values)))
        self._ends = (float(low), float(last))
        self.set_home(x=self._across(), y=(0.0, min(1.0, max(tops) * 1.12)))

    def _across(self) -> Range:
        """What is shown of the bits: as much beyond the last as the names at the ends of the lines take."""
        low, last = self._ends
        names = [line.end.boundingRect().width() for line in self.lines if line.end is not None]
        taken = min(0.5, (max(names, default=0.0) + END_PX) / max(1.0, self.getViewBox().width()))
        return low, low + (last - low) / (1.0 - taken)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if "_ends" in self.__dict__ and not self.closed:
            self.set_home(x=self._across(), y=self._home[1])

    def _draw_level(self, words: str, color: str, value: float, ends: tuple[float, float]) -> None:
        """What codes are compared with, named at its left end, where no other name is."""
        line = self.line(words, color, width=1.4, dashed=True)
        line.set(np.array(ends), np.full(2, value))
        name = pg.TextItem(words, color=theme.color("muted"), anchor=(0, 1))
        name.setFont(theme.font(theme.HINT_PX))
        name.setPos(ends[0], value)
        self.addItem(name, ignoreBounds=True)
        self._items.append(name)

    def _draw_method(
        self, rows: Sequence[Judgement], way: str, method: str, color: str, shift: float
    ) -> float:
        """One way of asking: its line, points and bounds; returns the highest of them."""
        points = []
        for row in rows:
            result = the(row, way, method)
            if result is not None and result.metrics is not None:
                metrics = result.metrics
                points.append(
                    (
                        np.log2(row.bits) + shift,
                        metrics.mean_average_precision,
                        metrics.worst_map,
                        metrics.best_map,
                    )
                )
        if not points:
            return 0.0
        x, y, worst, best = (np.array(column) for column in zip(*points, strict=True))
        words = tr("asked alone") if method == "single" else tr("with other half")
        ink = theme.color(color)
        line = self.line(words, color, width=1.8 if method == "single" else 1.2, label_end=True)
        line.set(x, y)
        bars = pg.ErrorBarItem(
            x=x, y=y, top=best - y, bottom=y - worst, beam=0.08, pen=pg.mkPen(ink, width=1)
        )
        dots = pg.ScatterPlotItem(
            x=x,
            y=y,
            size=8,
            pen=pg.mkPen(None),
            brush=pg.mkBrush(ink),
            symbol="o" if method == "single" else "s",
        )
        for item in (bars, dots):
            self.addItem(item, ignoreBounds=True)
            self._items.append(item)
        return float(best.max())


class CurvePlot(Plot):
    """Precision over recall: a line a model, its ceiling dashed."""

    def __init__(self) -> None:
        super().__init__(tr("Precision over recall"), tr("recall"), "", tr("precision"), "", zoom=False)

    def show_figures(self, judgements: Sequence[Judgement], way: str) -> None:
        """Draw the curves of these models in one direction; the ceiling is that of the first which has one."""
        for line in list(self.lines):
            line.remove()
        top, ceiling_drawn = 0.1 if judgements else 0.9, False
        for number, judgement in enumerate(judgements):
            result = the(judgement, way, "single")
            if result is None or result.metrics is None:
                continue
            color = theme.CATEGORIES[number % len(theme.CATEGORIES)]
            line = self.line(curve_name(judgements, judgement), color, width=1.8)
            top = max(top, self._draw(line, result))
            real = the(judgement, way, CEILING)
            if real is not None and real.metrics is not None and not ceiling_drawn:
                ceiling_drawn = True
                top = max(top, self._draw(self.line(tr("ceiling"), "muted", dashed=True), real))
        self.set_home(x=(0, 1), y=(0, min(1.0, top * 1.1)))

    def _draw(self, line: object, judged: Judged) -> float:
        assert judged.metrics is not None
        precision = np.array(judged.metrics.precision)
        line.set(np.array(judged.metrics.recall), precision)  # type: ignore[attr-defined]
        return float(precision.max()) if len(precision) else 0.0


class FiguresTable(QTableWidget):
    """A row a model and way of asking."""

    def __init__(self) -> None:
        super().__init__(0, len(titles()))
        for_reading(self, tr("Figures"))
        set_heads(self, titles())
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)

    def show_figures(self, judgements: Sequence[Judgement], way: str) -> None:
        """List these models in one direction; a name is written once, over its methods."""
        rows = [cells for judgement in judgements for cells in _rows(judgement, way)]
        self.setRowCount(len(rows))
        for number, cells in enumerate(rows):
            for column, words in enumerate(cells):
                item = QTableWidgetItem(words)
                if number and column == 0 and rows[number - 1][0] == words:
                    item.setText("")
                self.setItem(number, column, item)


def titles() -> list[str]:
    """The headings of the table, translated, from left to right."""
    return [
        tr("Model"),
        tr("Asked"),
        "MAP@50",
        tr("by ties"),
        tr("chance"),
        tr("P@10"),
        tr("own, R@10"),
        tr("by ties"),
        tr("chance"),
    ]


def write_figures(folder: Path, judgements: Sequence[Judgement]) -> None:
    """``figures.json``, ``figures.csv`` (a row a model, way and method) and ``curves.csv``. Raises UserError."""
    held = [{"model": item.model, "bits": item.bits, **item.as_dict()} for item in judgements]
    write_whole(folder / "figures.json", json.dumps(held, indent=2) + "\n")
    table, curves = io.StringIO(newline=""), io.StringIO(newline="")
    rows, points = csv.writer(table, lineterminator="\n"), csv.writer(curves, lineterminator="\n")
    rows.writerow(
        [
            "model",
            "bits",
            "way",
            "method",
            "map50",
            "map50_worst",
            "map50_best",
            "map_chance",
            "recall10",
            "recall10_worst",
            "recall10_best",
            "recall_chance",
            "queries",
            "items",
        ]
    )
    points.writerow(["model", "bits", "way", "method", "rank", "precision", "recall"])
    for judgement in judgements:
        for item in judgement.judged:
            result, own = item.metrics, item.own
            name = [judgement.model, judgement.bits, item.way, item.method]
            by_labels = (
                [result.mean_average_precision, result.worst_map, result.best_map, result.chance]
                if result
                else [""] * 4
            )
            by_own = [own.recall_at_10, own.worst, own.best, own.chance] if own else [""] * 4
            rows.writerow([*name, *by_labels, *by_own, judgement.queries, judgement.items])
            if result:
                for rank, precision, recall in zip(
                    result.ranks, result.precision, result.recall, strict=True
                ):
                    points.writerow([*name, rank, precision, recall])
    write_whole(folder / "figures.csv", table.getvalue())
    write_whole(folder / "curves.csv", curves.getvalue())


def _rows(judgement: Judgement, way: str) -> list[list[str]]:
    rows = []
    for item in of_way(judgement, way):
        result, own = item.metrics, item.own
        cells = [translate(judgement.model), method_words(item.method), *(["–"] * 7)]
        if result is not None:
            at_ten = dict(zip(result.ranks, result.precision, strict=True)).get(10)
            cells[2] = f"{result.mean_average_precision:.3f}"
            cells[3] = _span(result.worst_map, result.best_map)
            cells[4] = f"{result.chance:.3f}"
            cells[5] = f"{at_ten:.3f}" if at_ten is not None else "–"
        if own is not None:
            cells[6], cells[7], cells[8] = (
                f"{own.recall_at_10:.3f}",
                _span(own.worst, own.best),
                f"{own.chance:.3f}",
            )
        rows.append(cells)
    return rows


def _span(low: float, high: float) -> str:
    return f"{low:.3f} – {high:.3f}"


def _map(judged: Judged | None) -> float | None:
    return (
        judged.metrics.mean_average_precision if judged is not None and judged.metrics is not None else None
    )


def _level(judgement: Judgement, way: str, method: str) -> float | None:
    if method != "chance":
        return _map(the(judgement, way, method))
    result = the(judgement, way, "single")
    return result.metrics.chance if result is not None and result.metrics is not None else None


def legend(judgements: Sequence[Judgement]) -> str:
    """Which colour of the curves is which model, as rich text."""
    parts = []
    for number, judgement in enumerate(judgements):
        color = theme.CATEGORIES[number % len(theme.CATEGORIES)]
        parts.append(f'<span style="color:{color}">▬</span> {curve_name(judgements, judgement)}')
    return " &nbsp; ".join(parts)


def curve_name(judgements: Sequence[Judgement], judgement: Judgement) -> str:
    """Its length of code, or its name where there are several of that length."""
    if _alone(judgements, judgement):
        return tr("{bits} bits", bits=judgement.bits)
    return translate(judgement.model)


def _alone(judgements: Sequence[Judgement], judgement: Judgement) -> bool:
    """Whether the length of its code tells a model from the others."""
    return sum(item.bits == judgement.bits for item in judgements) == 1
