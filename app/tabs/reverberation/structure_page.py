"""The model itself: drawings of its architecture and data flow, its parameters as a table, its tree as plain text."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QPlainTextEdit,
    QPushButton,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from app import theme
from app.i18n import tr
from app.tabs.paged import PagedTab
from app.tabs.reverberation.module_names import MODULES, english_name
from app.tabs.reverberation.session import MeshSession
from app.tabs.reverberation.view_page import ViewPage
from app.tabs.reverberation.work import Structure
from app.widgets.described import Description
from app.widgets.pictures import save_picture
from app.widgets.section import Segments
from app.widgets.tables import RIGHT, for_reading, set_heads
from models.datafiles import write_whole

ARCHITECTURE, FLOW, PARAMETERS, TREE = "architecture", "data_flow", "parameters", "tree"


class Drawing(QWidget):
    """An SVG, as large as there is room, on white as on paper."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.svg = QByteArray()
        self._renderer = QSvgRenderer(self)
        self.setAccessibleName(name)
        self._description = Description(self, self.in_words)

    def set_svg(self, contents: bytes) -> None:
        """Show another drawing, an SVG text."""
        self.svg = QByteArray(contents)
        self._renderer.load(self.svg)
        self._description.changed()
        self.update()

    def in_words(self) -> str:
        """What is written in it."""
        written = re.findall(r"<text[^>]*>([^<]+)</text>", bytes(self.svg.data()).decode("utf-8", "replace"))
        return ", ".join(dict.fromkeys(unescape(words.strip()) for words in written))

    def paint(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), Qt.GlobalColor.white)
        if not self._renderer.isValid():
            return
        size = self._renderer.defaultSize().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        left, top = (self.width() - size.width()) / 2, (self.height() - size.height()) / 2
        self._renderer.render(painter, QRectF(left, top, size.width(), size.height()))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.paint(painter)
        painter.end()


class StructurePage(ViewPage):
    """Filled when it is first looked at. save_asked(kind): of `ARCHITECTURE` and the others."""

    figures = False
    save_asked = Signal(str)

    def __init__(self, tab: PagedTab, session: MeshSession) -> None:
        super().__init__(tab, session)
        self.structure: Structure | None = None
        self.choice = Segments(
            {
                ARCHITECTURE: tr("Architecture"),
                FLOW: tr("Data flow"),
                PARAMETERS: tr("Parameters"),
                TREE: tr("Tree"),
            },
            tr("Drawing or table"),
        )
        self.save_button = QPushButton(tr("Save…"))
        self.save_button.setToolTip(tr("As SVG or PNG, as CSV, or as text"))
        self.save_button.clicked.connect(lambda: self.save_asked.emit(self.choice.current))
        self.save_button.setEnabled(False)
        row = QHBoxLayout()
        row.addWidget(self.choice)
        row.addStretch(1)
        row.addWidget(self.save_button)
        self.drawings = {ARCHITECTURE: Drawing(tr("Architecture")), FLOW: Drawing(tr("Data flow"))}
        self.table = QTableWidget(0, 4)
        for_reading(self.table, tr("Parameters"))
        set_heads(self.table, [tr("Module"), tr("中文"), tr("Parameters"), tr("Body")], [2])
        self.table.horizontalHeader().setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        self.tree = QPlainTextEdit()
        self.tree.setReadOnly(True)
        self.tree.setFont(theme.fixed_font())
        self.tree.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.tree.setAccessibleName(tr("Tree"))
        self._pages: dict[str, QWidget] = {**self.drawings, PARAMETERS: self.table, TREE: self.tree}
        self._stack = QStackedWidget()
        for page in self._pages.values():
            self._stack.addWidget(page)
        self.choice.chosen.connect(lambda kind: self._stack.setCurrentWidget(self._pages[kind]))
        self.view.addLayout(row)
        self.view.addWidget(self._stack, 1)
        session.loaded.connect(self._forget)

    def shown(self) -> None:
        if self.structure is None:
            self.tab.start(self._fill())

    def model_changed(self) -> None:
        self._forget()
        if self.isVisible():
            self.shown()

    async def _fill(self) -> None:
        self._show(await self.session.structure())

    def _forget(self) -> None:
        """Another model."""
        self.structure = None
        self.save_button.setEnabled(False)

    def _show(self, structure: Structure) -> None:
        self.structure = structure
        for kind, drawing in self.drawings.items():
            drawing.set_svg(structure.drawings[kind])
        self.tree.setPlainText(structure.tree)
        rows = [*structure.counts.items(), (tr("together"), sum(structure.counts.values()))]
        self.table.setRowCount(len(rows))
        for number, (name, count) in enumerate(rows):
            module = MODULES.get(name)
            cells = (
                english_name(name),
                module.chinese if module else "",
                f"{count:,}",
                module.body if module else "",
            )
            for column, words in enumerate(cells):
                item = QTableWidgetItem(words)
                if column == 2:
                    item.setTextAlignment(RIGHT)
                self.table.setItem(number, column, item)
        self.table.resizeColumnsToContents()
        self.save_button.setEnabled(True)

    def save(self, kind: str, path: Path) -> None:
        """Raises UserError or OSError."""
        if self.structure is None:
            return
        if kind == PARAMETERS:
            from models.reverberation.tables import write_parameters

            write_parameters(path, self.structure.counts)
        elif kind == TREE:
            write_whole(path, self.structure.tree)
        elif path.suffix.lower() == ".svg":
            write_whole(path, bytes(self.drawings[kind].svg.data()))
        else:
            renderer = QSvgRenderer(self.drawings[kind].svg)
            size = renderer.defaultSize()
            save_picture(path, QSize(size.width(), size.height()), renderer.render)
