"""The mesh, what its marks mean, and a small histogram a role."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app import theme
from app.i18n import tr
from app.widgets.gate_histograms import GateHistograms
from app.widgets.labels import Hint
from app.widgets.mesh import MeshView


class MeshPage(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.mesh = MeshView()
        self.histograms = GateHistograms()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SMALL)
        column.addWidget(self.mesh, 1)
        words = tr(
            "line: gate of pass 1 · arc: gate of pass 2 · dashed: not gated · hollow: muted (M or double-click) · ×: cut (double-click)"
        )
        column.addWidget(Hint(words))
        column.addWidget(self.histograms)

    def select(self, name: str) -> None:
        self.mesh.select(name)
        self.histograms.select(name)
