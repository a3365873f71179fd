"""The diagnosis of the selected run: what is wrong in words, what to try by one click, and the layers as a map."""

from __future__ import annotations

import re
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import tr, translate
from app.training.layer_map import ColorScale, LayerMap
from app.training.watched import WatchedRun
from app.widgets.combo import ElidedCombo
from app.widgets.plot import Plot
from app.widgets.plot_items import Line
from app.widgets.scrolled import ScrolledColumn
from models.errors import fill
from models.training.finding import Finding, Remedy
from models.training.findings import findings

REFRESH_MS = 500
MARKS = {"error": "✕", "warning": "!", "good": "✓"}
MOST_LINES = 24


class Diagnosis(QWidget):
    """variant_wanted(remedy): the person wants the selected run again with these changes."""

    variant_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._run: WatchedRun | None = None
        self._drawn: tuple[object, ...] = ()
        self._texts: list[str] = []
        self._lines: list[Line] = []
        self.findings: list[Finding] = []
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.SMALL, 0, theme.MEDIUM, theme.TINY)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        layout.addWidget(self.splitter)
        self.splitter.addWidget(self._make_findings())
        self.splitter.addWidget(self._make_map())
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([260, 520])
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self.refresh)

    def _make_findings(self) -> QWidget:
        self.words = QWidget()
        self._column = QVBoxLayout(self.words)
        self._column.setContentsMargins(theme.SMALL, theme.TINY, theme.SMALL, theme.TINY)
        self._column.setSpacing(theme.SMALL)
        self._column.addStretch(1)
        scroll = ScrolledColumn()
        scroll.setWidget(self.words)
        scroll.setMinimumWidth(200)
        scroll.setAccessibleName(tr("Findings"))
        return scroll

    def _make_map(self) -> QWidget:
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(theme.SMALL, 0, 0, 0)
        column.setSpacing(2)
        row = QHBoxLayout()
        self.what = ElidedCombo(tr("What the layers show"), tr("What is shown of each layer"), wide=True)
        self.what.setProperty("kind", "small")
        for key, words in (
            ("ratio", tr("gradient relative to output")),
            ("moved", tr("movement of the weights")),
            ("dead", tr("dead units")),
        ):
            self.what.addItem(words, key)
        self.what.activated.connect(lambda _index: self.refresh(force=True))
        self.as_curves = QCheckBox(tr("as curves"))
        self.as_curves.setProperty("role", "hint")
        self.as_curves.setToolTip(tr("A line a layer in place of the map; the first layers are dark"))
        self.as_curves.clicked.connect(lambda _on: self.refresh(force=True))
        self.scale = ColorScale()
        row.addWidget(self.what)
        row.addWidget(self.as_curves)
        row.addStretch(1)
        row.addWidget(self.scale)
        column.addLayout(row)
        self.map = LayerMap()
        self.curves = Plot(tr("Layers"), tr("step"), "", " ", "", log_y=True, background="page")
        self.nothing = QLabel(tr("Looks at the layers come while the run trains."))
        self.nothing.setProperty("role", "hint")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.pages = QStackedWidget()
        for page in (self.nothing, self.map, self.curves):
            self.pages.addWidget(page)
        column.addWidget(self.pages, 1)
        return holder

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.scale.setVisible(self.width() > 720)  # the words go first where there is little room

    def show_run(self, run: WatchedRun | None) -> None:
        """Show the flow and the findings of another run, or of none."""
        self._run = run
        self.refresh(force=True)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()
        self.refresh(force=True)

    def hideEvent(self, event: QHideEvent) -> None:
        self._timer.stop()
        super().hideEvent(event)

    def refresh(self, force: bool = False) -> None:
        """Bring the page up to date; nothing is done while it is hidden or nothing is new."""
        if not self.isVisible():
            return
        run = self._run
        now = (run.path, run.version) if run is not None else ()
        if now == self._drawn and not force:
            return
        self._drawn = now
        judged = run is not None and run.folding is None  # of a cross-validation, each fold has its own
        config = run.checked_config() if run is not None and judged else None
        self.findings = findings(run.record, config) if run is not None and config is not None else []
        self._say(self.findings)
        flow = run.record.flow if run is not None else None
        if flow is None or not flow.steps or not flow.layers:
            self.pages.setCurrentWidget(self.nothing)
            return
        what = self.what.currentData()
        self.scale.show_what(what)
        if self.as_curves.isChecked():
            self._draw_curves(flow, what)
            self.pages.setCurrentWidget(self.curves)
        else:
            self.map.show_flow(flow, what)
            self.pages.setCurrentWidget(self.map)

    def _draw_curves(self, flow: Any, what: str) -> None:
        for line in self._lines:
            line.remove()
        self._lines = []
        self.curves.set_log_y(what != "dead")
        values = flow.table(what)
        every = max(1, -(-len(flow.layers) // MOST_LINES))
        colors = pg.colormap.get("viridis")
        for place in range(0, len(flow.layers), every):
            share = 0.85 * place / max(1, len(flow.layers) - 1)
            line = self.curves.line(flow.layers[place] or tr("network"), colors.mapToQColor(share).name())
            line.set(flow.steps, values[:, place])
            self._lines.append(line)

    # Words ------------------------------------------------------------------------------------------------

    def _say(self, shown: list[Finding]) -> None:
        texts = [str(entry) for entry in shown]
        if texts == self._texts and self._column.count() > 1:
            return
        self._texts = texts
        while (item := self._column.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        if not shown:
            hint = QLabel(tr("There is nothing to say about this run yet."))
            hint.setProperty("role", "hint")
            hint.setWordWrap(True)
            self._column.addWidget(hint)
        for entry in shown:
            self._column.addWidget(self._finding(entry))
        self._column.addStretch(1)

    def _finding(self, finding: Finding) -> QWidget:
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        words = QLabel(
            breakable(f"{MARKS[finding.level]} {fill(translate(finding.words), finding.values, translate)}")
        )
        words.setWordWrap(True)
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        if finding.level == "error":
            words.setProperty("role", "problem")
        column.addWidget(words)
        for remedy in finding.remedies:
            row = QHBoxLayout()
            button = QPushButton(tr("Try: {remedy}", remedy=translate(remedy.words)))
            button.setProperty("kind", "link")
            changes = "\n".join(f"{name} = {value}" for name, value in remedy.changes.items())
            button.setToolTip(tr("Starts this run again with") + "\n" + changes)
            button.setAccessibleDescription(changes)
            button.clicked.connect(lambda _on=False, which=remedy: self._wanted(which))
            row.addWidget(button)
            row.addStretch(1)
            column.addLayout(row)
        return box

    def _wanted(self, remedy: Remedy) -> None:
        self.variant_wanted.emit(remedy)


def breakable(words: str) -> str:
    """Names of layers may go on in the next line after each of their dots and lines."""
    return re.sub(
        r"(?<=[A-Za-z])([._])(?=\w)|(?<=\d)([._])(?=[A-Za-z_])", lambda match: match[0] + "\u200b", words
    )
