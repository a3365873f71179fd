"""What the tab can write: figures as CSV or NPZ, pictures as SVG or PNG, the model's drawings, tree and table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog

from app.i18n import tr
from models.errors import UserError

if TYPE_CHECKING:
    from app.tabs.reverberation.tab import ReverberationTab

PICTURES = "SVG (*.svg);;PNG (*.png)"
TABLE = "CSV (*.csv)"


class Exports:
    """The actions of File › Export, and what they do. Errors are shown in the tab."""

    def __init__(self, tab: ReverberationTab) -> None:
        self._tab = tab
        self._gates = self._action(
            tr("Gates as CSV or NPZ…"), "gates.csv", f"{TABLE};;NPZ (*.npz)", self.save_gates
        )
        self._mesh = self._action(tr("Mesh as SVG or PNG…"), "mesh.svg", PICTURES, self.save_mesh)
        self._heat = self._action(tr("Heat map as SVG or PNG…"), "heat map.svg", PICTURES, self.save_heat)
        self._kl = self._action(tr("KL of every module as SVG or PNG…"), "kl.svg", PICTURES, self.save_kl)
        self._ranking = self._action(
            tr("Ranking of the roles as CSV…"), "ranking.csv", TABLE, self.save_ranking
        )
        self._comparison = self._action(
            tr("Comparison as CSV…"), "comparison.csv", TABLE, self.save_comparison
        )
        self._drawings = QAction(tr("Architecture drawings, parameters and tree…"), tab)
        self._drawings.triggered.connect(self._ask_for_drawings)

    def actions(self) -> list[QAction]:
        tab = self._tab
        observed = tab.observation is not None
        for action, possible in (
            (self._gates, observed),
            (self._mesh, True),
            (self._heat, observed or tab.playback.active),
            (self._kl, observed or tab.playback.active),
            (self._ranking, bool(tab.what_if.effects.effects)),
            (self._comparison, tab.compare.differences() is not None),
            (self._drawings, True),
        ):
            action.setEnabled(possible)
        return [
            self._gates, self._mesh, self._heat, self._kl, self._ranking, self._comparison, self._drawings,
        ]  # fmt: skip

    def save_gates(self, path: Path) -> None:
        """Outputs, gates and KL, as CSV (a row a sequence) or NPZ."""
        from models.reverberation.tables import write_observation

        if self._tab.observation is not None:
            write_observation(path, self._tab.observation)

    def save_mesh(self, path: Path) -> None:
        self._tab.mesh.save(path)

    def save_heat(self, path: Path) -> None:
        self._tab.heat.save(path)

    def save_kl(self, path: Path) -> None:
        self._tab.kl_page.bars.save(path)

    def save_ranking(self, path: Path) -> None:
        from models.reverberation.tables import write_ranking

        write_ranking(path, self._tab.what_if.effects.effects.values())

    def save_comparison(self, path: Path) -> None:
        from models.tables import write_csv

        head = [
            "role",
            "gate_1_left",
            "gate_1_right",
            "difference_1",
            "gate_2_left",
            "gate_2_right",
            "difference_2",
        ]
        rows = [[cell.replace("−", "-") for cell in row] for row in self._tab.compare.rows()]
        write_csv(path, [head, *rows])

    def save_structure(self, kind: str) -> None:
        """Ask where to, then write what the structure page shows."""
        from app.tabs.reverberation.structure_page import PARAMETERS, TREE

        kinds = TABLE if kind == PARAMETERS else "TXT (*.txt)" if kind == TREE else PICTURES
        suffix = {PARAMETERS: "csv", TREE: "txt"}.get(kind, "svg")
        self._ask(f"{kind}.{suffix}", kinds, lambda path: self._tab.structure.save(kind, path))

    async def save_drawings(self, folder: Path) -> None:
        """Everything that ``describe`` writes."""
        from app.tabs.reverberation.work import WORKER, describe

        tab = self._tab
        with tab.services.task(tr("Drawing the architecture")) as task:
            observer = await tab.session.load(tab.models.choice, task)
            await tab.services.worker(WORKER).run(describe, observer, folder)
        tab.show_message("hint", tr("Drawings were written to {folder}.", folder=folder), key="drawn")

    def write(self, save: Callable[[Path], None], path: Path) -> None:
        """Write, and show in the tab what went wrong."""
        try:
            save(path)
        except UserError as error:
            self._tab.show_error(error)
        except OSError as error:
            from models.checkpoint import cannot_write

            self._tab.show_error(cannot_write(path, error))

    def _action(self, words: str, proposal: str, kinds: str, save: Callable[[Path], None]) -> QAction:
        action = QAction(words, self._tab)
        action.triggered.connect(lambda _on=False: self._ask(proposal, kinds, save))
        return action

    def _ask(self, proposal: str, kinds: str, save: Callable[[Path], None]) -> None:
        name, chosen = QFileDialog.getSaveFileName(self._tab, tr("Export"), proposal, kinds)
        if name:
            path = Path(name)
            if not path.suffix:
                path = path.with_suffix("." + chosen.split("*.")[-1].rstrip(")"))
            self.write(save, path)

    def _ask_for_drawings(self) -> None:
        name = QFileDialog.getExistingDirectory(self._tab, tr("Folder for the drawings"))
        if name:
            self._tab.start(self.save_drawings(Path(name)))
