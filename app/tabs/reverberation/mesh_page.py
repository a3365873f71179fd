"""The mesh, what its marks mean, and a small histogram a role."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLayout

from app.i18n import tr
from app.tabs.paged import PagedTab
from app.tabs.reverberation.gate_histograms import GateHistograms
from app.tabs.reverberation.in_motion import InMotion
from app.tabs.reverberation.mesh import MeshView
from app.tabs.reverberation.session import MeshSession
from app.tabs.reverberation.view_page import ViewPage
from app.widgets.labels import Hint
from models.reverberation.wiring import ROLE_NAMES

LOW_PX = 400  # a page that is lower gives the histograms' place to the mesh


class MeshPage(ViewPage):
    """The mesh with its gates, and under it how the gates are spread over sequences, or over training."""

    def __init__(self, tab: PagedTab, session: MeshSession) -> None:
        super().__init__(tab, session)
        self.mesh = MeshView()
        self.histograms = GateHistograms()
        self.legend = Hint()
        self.motion = InMotion(session)
        self.motion.moved.connect(self._show)
        self.view.addWidget(self.mesh, 1)
        self.view.addWidget(self.motion)
        self.view.addWidget(self.legend)
        self.view.addWidget(self.histograms)
        for view in (self.mesh, self.histograms):
            view.chosen.connect(session.choose)
        self.mesh.mute_asked.connect(session.toggle_mute)
        self.mesh.line_asked.connect(session.toggle_line)
        session.shown.connect(self._show_all)
        session.selected.connect(self._show)
        session.silenced_changed.connect(self._show_silenced)
        session.module_changed.connect(self._show_module)
        self.view.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        self._say()

    def minimumSizeHint(self) -> QSize:
        """Without the histograms, which give way in a low page."""
        least = self.mesh.minimumHeight() + self.legend.sizeHint().height() + self.view.spacing()
        if not self.motion.isHidden():
            least += self.motion.sizeHint().height() + self.view.spacing()
        return QSize(self.mesh.minimumWidth(), least)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.histograms.setVisible(event.size().height() >= LOW_PX)

    def _show_all(self) -> None:
        session = self.session
        if session.played is not None:
            self.histograms.set_training(session.played.history.gates, session.epoch)
        else:
            result = session.glance or session.observation
            self.histograms.set_gates(None if result is None else result.gates)
        self.histograms.set_wiring(session.wiring)
        self._show()

    def _show(self) -> None:
        show_mesh(self.mesh, self.session)
        growth = self.motion.shown
        if growth is not None:
            self.mesh.set_gates(growth.observation.gates[:, self.motion.at])
        self._say()

    def hidden(self) -> None:
        super().hidden()
        self.motion.stop()

    def _show_silenced(self) -> None:
        show_silenced(self.mesh, self.session)

    def _show_module(self) -> None:
        self.mesh.select(self.session.module)
        self.histograms.select(self.session.module)

    def _say(self) -> None:
        """What the marks mean; before anything was observed there are no gates to be drawn."""
        if self.session.snapshot is None:
            words = tr("thin lines: who is wired to whom · gates are drawn once sequences were observed")
        else:
            words = tr(
                "line: gate of pass 1 · arc: gate of pass 2 · dashed: not gated · hollow: muted (M or double-click) · ×: cut (double-click)"
            )
        self.legend.setText(words)


def show_mesh(mesh: MeshView, session: MeshSession) -> None:
    """What the session shows now, in a mesh."""
    shown = session.snapshot
    if session.wiring != mesh.wiring or session.parameters != mesh.parameters:
        mesh.set_wiring(session.wiring, session.parameters)
    mesh.set_gates(
        None if shown is None else shown.summary.gates, None if shown is None else shown.summary.spread
    )
    show_silenced(mesh, session)


def show_silenced(mesh: MeshView, session: MeshSession) -> None:
    """Muted roles and cut connections; a run that is played knows none."""
    if session.played is not None:
        mesh.set_silenced(frozenset(), frozenset())
        return
    lines = frozenset((a, b) if a in ROLE_NAMES else (b, a) for a, b in session.cut)
    mesh.set_silenced(session.muted, lines)
