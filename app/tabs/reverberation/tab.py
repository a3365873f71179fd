"""The ReverberationNet tab: sequences in, gates out, and what muting a role would change."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from app.i18n import tr
from app.services import Services
from app.tabs.paged import PagedTab
from app.tabs.reverberation import training
from app.tabs.reverberation.comparing import Comparing
from app.tabs.reverberation.exports import MeshExports
from app.tabs.reverberation.figures import Figures
from app.tabs.reverberation.messages import MeshMessages
from app.tabs.reverberation.module_page import ModulePage
from app.tabs.reverberation.playback import Playback
from app.tabs.reverberation.session import MeshSession
from app.tabs.reverberation.source import SequenceBox, sequences_of
from app.tabs.reverberation.view_page import ViewPage
from app.tabs.reverberation.views import Views
from app.widgets.message_bar import Action
from app.widgets.model_choice import ModelChoice
from models.errors import UserError
from models.loading import BUNDLED
from models.reverberation.sequences import WrongWidth


class ReverberationTab(PagedTab):
    """Puts the parts together: what is open and observed is in `session`, each view shows a piece of it."""

    system = "reverberation"
    open_title = "Open sequences"
    open_filter = "Sequences (*.npz *.npy *.csv *.parquet)"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self.session = MeshSession(self, self)
        self.notices = MeshMessages(self, self.session)
        self.sequences = SequenceBox(self.session)
        self.source.add(self.sequences)
        self.models = ModelChoice("reverberation")
        self.options.hide()
        self.playback = Playback(self.session)
        self.add_section(tr("Through training")).add(self.playback)
        self.figures = Figures(self.session)
        self.view.addWidget(self.figures)
        views = Views(self, self.session)
        self.mesh_page, self.heat_page, self.kl_page = views.mesh, views.heat, views.kl
        self.what_if, self.compare = views.what_if, views.compare
        self.wiring_page, self.structure = views.wiring, views.structure
        self.lay_out(self.models, views.by_name, tr("View"), self.view)
        self.module = ModulePage(self.session)
        self.add_details(self.module)
        self.comparing = Comparing(self, self.session, self.compare, self._known_models)
        self.exports = MeshExports(self.session, views, self)
        self._connect()

    def _connect(self) -> None:
        self.takes_from(self.sequences.zone)
        self.sequences.sample_wanted.connect(self.try_sample)
        self.session.opened.connect(self.refresh_action)
        self.models.changed.connect(self._use_model)
        self.module.reached.connect(lambda: self.show_page_details(self.module, tr("Module")))
        self.heat_page.epoch_chosen.connect(self.playback.show_place)
        self.notices.project_asked.connect(lambda: self.start(self._project()))
        self.notices.train_asked.connect(lambda: training.launch_on(self, self.session))
        wiring = self.wiring_page
        wiring.train_asked.connect(lambda: training.launch_with(self.session, wiring.wiring))
        wiring.changed.connect(lambda: self.clear_messages("error"))
        self.structure.save_asked.connect(self.exports.save_structure)
        self.exports.folder_chosen.connect(lambda folder: self.start(self._describe(folder)))
        for refused in (wiring.refused, self.exports.refused):
            refused.connect(self.show_error)

    # What the window asks ---------------------------------------------------------------------------------

    def accept_paths(self, paths: list[Path]) -> None:
        if paths:
            self.clear_messages()
            self.start(self.session.open(paths[0]))

    def receive(self, payload: object) -> None:
        """Sequences from another tab."""
        try:
            result = sequences_of(payload)
        except UserError as error:
            self.clear_messages()
            self.show_error(error)
            return
        if result is None:
            super().receive(payload)
            return
        self.clear_messages()
        self.session.take(result)
        self.session.observe_again()

    def export_actions(self) -> list[QAction]:
        return self.exports.actions()

    def state(self) -> dict[str, object]:
        """As every tab's, and what is open."""
        return {**super().state(), "open": self.session.state()}

    def restore(self, state: dict[str, object]) -> None:
        """As every tab's; what was open is observed again."""
        super().restore(state)
        opened = state.get("open")
        if isinstance(opened, dict) and self.services.running_loop():
            self.start(self.session.restore(opened))

    def show_error(self, error: BaseException, actions: list[Action] | None = None) -> None:
        """Sequences of another width come with a way out."""
        if isinstance(error, WrongWidth):
            self.notices.other_width(error)
        else:
            super().show_error(error, actions)

    def model_restored(self) -> None:
        self._use_model(self.models.choice)

    def hidden(self) -> None:
        super().hidden()
        self.playback.stop()

    def page_chosen(self, name: str) -> None:
        page = self.pages[name]
        self.figures.setVisible(isinstance(page, ViewPage) and page.figures)

    # Inside -----------------------------------------------------------------------------------------------

    def _use_model(self, choice: str) -> None:
        self.clear_messages("width")
        self.comparing.offer()
        self.session.set_model(choice)

    def _known_models(self) -> list[tuple[str, str]]:
        return [(self.models.title(choice), choice) for choice in (BUNDLED, *self.models.kept)]

    async def _project(self) -> None:
        self.clear_messages()
        await self.session.project()
        self.notices.projected()

    async def _describe(self, folder: Path) -> None:
        await self.session.describe(folder)
        self.notices.drawn(folder)
