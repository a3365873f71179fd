"""The form of a training run, with what the tab has in it already: its data, a wiring of a person's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QWidget

from app.i18n import tr
from app.services import Services
from models.errors import UserError
from models.reverberation.wiring import Wiring
from models.training.config import preset

if TYPE_CHECKING:
    from app.tabs.base import Tab
    from app.tabs.reverberation.session import MeshSession
    from models.reverberation.sequences import Sequences


def launch_on(tab: Tab, session: MeshSession) -> None:
    """Open the form with the sequences that are open; what another tab sent is saved first."""
    path: Path | str | None = session.path
    if not isinstance(path, Path) and session.sequences is not None:
        try:
            path = _saved(tab, session.sequences)
        except UserError as error:
            tab.show_error(error)
            return
    if isinstance(path, Path):
        launch(session.services, "reverberation-own-data", path)


def launch_with(session: MeshSession, wiring: Wiring | None) -> None:
    """Open the form with a wiring of a person's own, and the sequences that are open."""
    launch(session.services, "reverberation-own-wiring", session.path, wiring)


def _saved(parent: QWidget, sequences: Sequences) -> Path | None:
    """Where the person had them saved; None: nowhere."""
    name, _ = QFileDialog.getSaveFileName(
        parent, tr("Save the sequences for training"), "sequences.npz", "NPZ (*.npz)"
    )
    if not name:
        return None
    from models.reverberation.data import save_sequences

    place = Path(name if name.lower().endswith(".npz") else f"{name}.npz")
    save_sequences(place, sequences)
    return place


def launch(services: Services, name: str, data: Path | str, wiring: Wiring | None = None) -> None:
    """Open the form as the default preset is, but for these. data: a file; a sample or nothing leaves the preset's."""
    values = preset("reverberation", "default")
    if wiring is not None:
        values["network"] = {**values.get("network", {}), "wiring": wiring.model_dump()}
    if isinstance(data, Path):
        values["data"] = {**values.get("data", {}), "path": str(data)}
    services.training.launch("reverberation", proposal=(name, values))
