"""What the tab can write: figures as CSV or NPZ, pictures as SVG or PNG, the model's drawings, tree and table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QWidget

from app.i18n import tr
from app.tabs.reverberation.session import MeshSession
from app.tabs.reverberation.structure_page import PARAMETERS, TREE
from app.tabs.reverberation.views import Views
from models.checkpoint import cannot_write
from models.errors import UserError
from models.tables import write_csv

PICTURES = "SVG (*.svg);;PNG (*.png)"
TABLE = "CSV (*.csv)"
Save = Callable[[Path], None]


class MeshExports(QObject):
    """The actions of File › Export, and what they do. refused(error): what went wrong. drawn(folder)."""

    refused = Signal(object)  # UserError
    folder_chosen = Signal(object)  # for drawings, parameters and tree

    def __init__(self, session: MeshSession, views: Views, parent: QWidget) -> None:
        super().__init__(parent)
        self._session, self._window = session, parent
        self._compare, self._structure = views.compare, views.structure
        self.save_mesh, self.save_heat = views.mesh.mesh.save, views.heat.heat.save
        self.save_kl = views.kl.bars.save
        self._possible: list[tuple[QAction, Callable[[], bool]]] = []

        def observed() -> bool:
            return session.observation is not None

        def shown() -> bool:
            return observed() or session.played is not None

        gates = tr("Gates as CSV or NPZ…")
        self._add(gates, "gates.csv", f"{TABLE};;NPZ (*.npz)", self.save_gates, observed)
        self._add(tr("Mesh as SVG or PNG…"), "mesh.svg", PICTURES, self.save_mesh, lambda: True)
        self._add(tr("Heat map as SVG or PNG…"), "heat map.svg", PICTURES, self.save_heat, shown)
        self._add(tr("KL of every module as SVG or PNG…"), "kl.svg", PICTURES, self.save_kl, shown)
        ranking = tr("Ranking of the roles as CSV…")
        self._add(ranking, "ranking.csv", TABLE, self.save_ranking, lambda: session.ranking is not None)
        comparison = tr("Comparison as CSV…")
        self._add(comparison, "comparison.csv", TABLE, self.save_comparison, self._can_compare)
        drawings = QAction(tr("Architecture drawings, parameters and tree…"), parent)
        drawings.triggered.connect(self._ask_for_drawings)
        self._possible.append((drawings, lambda: True))

    def actions(self) -> list[QAction]:
        """All of them; those that have nothing to write are disabled."""
        for action, possible in self._possible:
            action.setEnabled(possible())
        return [action for action, _possible in self._possible]

    def save_gates(self, path: Path) -> None:
        """Outputs, gates and KL, as CSV (a row a sequence) or NPZ."""
        from models.reverberation.tables import write_observation

        if self._session.observation is not None:
            write_observation(path, self._session.observation)

    def save_ranking(self, path: Path) -> None:
        """Write what muting each role changes as CSV, where that has been computed. Raises UserError."""
        from models.reverberation.tables import write_ranking

        if self._session.ranking is not None:
            write_ranking(path, self._session.ranking.effects)

    def save_comparison(self, path: Path) -> None:
        """Write both sides' gates and their difference a role as CSV. Raises UserError."""
        sides = [f"{what}_{number}" for number in (1, 2) for what in ("left", "right", "difference")]
        head = ["role", *(name if "difference" in name else f"gate_{name}" for name in sides)]
        rows = [[cell.replace("−", "-") for cell in row] for row in self._compare.rows()]
        write_csv(path, [head, *rows])

    def save_structure(self, kind: str) -> None:
        """Ask where to, then write what the structure page shows."""
        kinds = TABLE if kind == PARAMETERS else "TXT (*.txt)" if kind == TREE else PICTURES
        suffix = {PARAMETERS: "csv", TREE: "txt"}.get(kind, "svg")
        self._ask(f"{kind}.{suffix}", kinds, lambda path: self._structure.save(kind, path))

    def write(self, save: Save, path: Path) -> None:
        """Write, and say what went wrong."""
        try:
            save(path)
        except UserError as error:
            self.refused.emit(error)
        except OSError as error:
            self.refused.emit(cannot_write(path, error))

    def _can_compare(self) -> bool:
        return self._compare.differences() is not None

    def _add(self, words: str, proposal: str, kinds: str, save: Save, possible: Callable[[], bool]) -> None:
        action = QAction(words, self._window)
        action.triggered.connect(lambda _on=False: self._ask(proposal, kinds, save))
        self._possible.append((action, possible))

    def _ask(self, proposal: str, kinds: str, save: Save) -> None:
        name, chosen = QFileDialog.getSaveFileName(self._window, tr("Export"), proposal, kinds)
        if name:
            path = Path(name)
            if not path.suffix:
                path = path.with_suffix("." + chosen.split("*.")[-1].rstrip(")"))
            self.write(save, path)

    def _ask_for_drawings(self) -> None:
        name = QFileDialog.getExistingDirectory(self._window, tr("Folder for the drawings"))
        if name:
            self.folder_chosen.emit(Path(name))
