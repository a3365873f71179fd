"""The ReverberationNet tab: sequences in, gates out, and what muting a role would change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from app.i18n import digits, plural, tr
from app.services import Services
from app.tabs.reverberation import training
from app.tabs.reverberation.comparing import Comparing
from app.tabs.reverberation.exports import Exports
from app.tabs.reverberation.panels import Panels
from app.tabs.reverberation.session import Session
from app.tabs.reverberation.shown import Shown, shown_of, words_of
from app.tabs.reverberation.work import Edge, glance_of
from models.errors import UserError
from models.reverberation.wiring import ROLE_NAMES, Wiring, wiring_of

if TYPE_CHECKING:
    from models.reverberation.observer import Observation


class ReverberationTab(Panels):
    """What is selected and which view shows it. The widgets are in `Panels`, data and model in `session`."""

    system = "reverberation"
    open_title = "Open sequences"
    open_filter = "Sequences (*.npz *.npy *.csv *.parquet)"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self.session = Session(self)
        self.selection: list[int] = []  # no sequence stands for all
        self._observations = 0  # under way
        self.exports = Exports(self)
        self.comparing = Comparing(self)
        self._connect()
        self._show_figures(None)
        self.set_action(tr("Observe"), enabled=False)

    @property
    def observation(self) -> Observation | None:
        return self.session.observation

    # What the window asks ---------------------------------------------------------------------------------

    def act(self) -> None:
        self.playback.choose("")
        self.start(self._observe())

    def accept_paths(self, paths: list[Path]) -> None:
        if paths:
            self.start(self._open(paths[0]))

    def receive(self, payload: object) -> None:
        """From another tab: an array [n, time, width], or a mapping of ``x``, perhaps ``y`` [n] and ``title``."""
        given = payload if isinstance(payload, Mapping) else {"x": payload}
        x, y = given.get("x"), given.get("y")
        if not isinstance(x, np.ndarray) or not isinstance(y, np.ndarray | None):
            super().receive(payload)
            return
        from models.reverberation.data import from_array

        self.clear_messages()
        try:
            found = from_array(x, y, title=str(given.get("title", "") or tr("sent here")))
        except UserError as error:
            self.show_error(error)
            return
        self.session.take(found)
        self.start(self._observe())

    def try_sample(self) -> None:
        self.start(self._open("sample"))

    def use_checkpoint(self, path: Path) -> None:
        self.models.choose(str(path))

    def export_actions(self) -> list[QAction]:
        return self.exports.actions()

    def state(self) -> dict[str, Any]:
        return {
            "model": self.models.choice,
            "models": self.models.kept,
            "view": self.views.current,
            "which": self.heat_page.which.currentIndex(),
            "wiring": self.wiring_page.wiring.model_dump(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.models.restore(str(state.get("model", "")), [str(one) for one in state.get("models", [])])
        if state.get("view") in self.views.buttons:
            self.views.choose(str(state["view"]))
        if isinstance(state.get("which"), int):
            self.heat_page.which.setCurrentIndex(state["which"])
        try:
            self.wiring_page.begin(wiring_of(state.get("wiring")))
        except UserError:  # of another version: the documented one stays
            return

    def hidden(self) -> None:
        self.playback.stop()

    def _connect(self) -> None:
        session = self.session
        session.opened.connect(self._opened)
        session.loaded.connect(self._loaded)
        session.observed.connect(self._observed)
        self.drop_zone.dropped.connect(self._take)
        self.drop_zone.clicked.connect(self.choose_files)
        self.sample_link.linkActivated.connect(lambda _link: self.try_sample())
        self.models.changed.connect(self._model_chosen)
        self.models.train_asked.connect(lambda: self.services.training.launch(self.system))
        self.models.card_asked.connect(self._show_card)
        self.models.refused.connect(self.show_error)
        self.playback.changed.connect(self._show_all)
        self.number.valueChanged.connect(lambda value: self._select([value - 1] if value else []))
        self.mesh.mute_asked.connect(self._toggle_mute)
        self.mesh.line_asked.connect(self._toggle_line)
        self.heat.chosen.connect(self._rows_chosen)
        for view in (self.mesh, self.mesh_page.histograms, self.kl_page.bars, self.what_if, self.compare):
            view.chosen.connect(self._choose_module)  # type: ignore[attr-defined]
        self.what_if.rank_asked.connect(lambda: self.start(self._rank()))
        self.what_if.mute_asked.connect(self._toggle_mute)
        self.what_if.cut_asked.connect(self._toggle_cut)
        self.what_if.clear_asked.connect(lambda: self._silence(frozenset(), frozenset()))
        self.page.mute_asked.connect(self._toggle_mute)
        self.wiring_page.train_asked.connect(self._train_with_wiring)
        self.wiring_page.refused.connect(self.show_error)
        self.wiring_page.changed.connect(lambda: self.clear_messages("error"))
        self.structure.wanted.connect(lambda: self.start(self._structure()))
        self.structure.save_asked.connect(self.exports.save_structure)

    # Work -------------------------------------------------------------------------------------------------

    async def _open(self, path: Path | str) -> None:
        self.clear_messages()
        await self.session.open(path)
        await self._observe()

    async def _observe(self) -> None:
        from models.reverberation.observer import WrongWidth

        try:
            with self._observing():
                await self.session.observe(self.models.choice)
        except WrongWidth as error:
            self._say_wrong_width(error)

    @contextmanager
    def _observing(self) -> Iterator[None]:
        """The empty heat map says that it is about to be filled; a newer observation may begin before this one ends."""
        self._observations += 1
        self.heat.say_empty(tr("Observing sequences") + " …")
        try:
            yield
        finally:
            self._observations -= 1
            if not self._observations:
                self.heat.say_empty(tr("Nothing was observed yet."))

    async def _rank(self) -> None:
        choice = self.models.choice
        found = await self.session.rank(choice)
        if found is None:
            self.show_message("hint", tr("Open sequences first, or try the sample."), key="paths")
            return
        if choice != self.models.choice:
            return
        self.what_if.show_ranking(found)
        self._show_module(self.page.name)

    async def _look(self) -> None:
        """The activity over time of the one sequence that is selected."""
        name = self.page.name
        if self.observation is None or len(self.selection) != 1 or name not in ROLE_NAMES:
            self.page.show_activity(None)
            return
        found = await self.session.activity(self.selection[0])
        if self.page.name == name:
            self.page.show_activity(found[:, ROLE_NAMES.index(name)])

    async def _structure(self) -> None:
        self.structure.show_structure(await self.session.structure(self.models.choice))

    async def _project(self) -> None:
        self.clear_messages()
        await self.session.project(self.models.choice)
        self.show_message(
            "hint",
            tr("These are principal components of your features, at the model's mean and spread: they show what the mesh does with them, not what it predicts of them."),
            key="width",
        )  # fmt: skip
        await self._observe()

    def _say_wrong_width(self, error: UserError) -> None:
        """With a way out."""
        assert self.session.observer is not None
        project = tr("Project to {n} features", n=self.session.observer.width)
        train = (tr("Train on them…"), self._train_on_these)
        self.show_error(error, [(project, self._start_projecting), train])

    def _start_projecting(self) -> None:
        self.start(self._project())

    def _train_on_these(self) -> None:
        try:
            training.launch_on(self, self.session)
        except UserError as error:
            self.show_error(error)

    def _train_with_wiring(self) -> None:
        training.launch(self.services, "reverberation-own-wiring", self.session.path, self.wiring_page.wiring)

    # Choosing ---------------------------------------------------------------------------------------------

    def _opened(self) -> None:
        sequences = self.session.sequences
        assert sequences is not None
        self.what_if.show_ranking(None)
        self.about.setText(words_of(sequences))
        self.number.setRange(0, len(sequences))
        self._select([])
        self.set_action(tr("Observe"))
        self.playback.choose("")

    def _loaded(self) -> None:
        """Another model."""
        assert self.session.observer is not None
        self.structure.forget()
        self.what_if.connections.set_wiring(self.session.observer.network.wiring)
        self._show_gating()

    def _observed(self) -> None:
        self._show_all()
        self.comparing.refresh()

    def _select(self, rows: list[int]) -> None:
        """These sequences are shown; none stands for all."""
        self.selection = rows
        self.number.blockSignals(True)
        several = plural("mean of {n} selected", "mean of {n} selected", len(rows))
        self.number.setSpecialValueText(several if len(rows) > 1 else tr("mean of all"))
        self.number.setValue(rows[0] + 1 if len(rows) == 1 else 0)
        self.number.blockSignals(False)
        if not self.playback.active:
            self.heat.select(rows)
        self._show_shown()
        self.comparing.refresh()
        self.start(self._look())

    def _rows_chosen(self, rows: list[int]) -> None:
        """In the heat map: sequences, or an epoch."""
        if not self.playback.active:
            self._select(rows)
        elif rows:
            self.playback.slider.setValue(rows[-1])

    def _choose_module(self, name: str) -> None:
        self._show_module(name)
        self.details_stack.setCurrentWidget(self.page)
        self.show_details(True, tr("Module"))
        self.start(self._look())

    def _toggle_mute(self, role: str) -> None:
        self._silence(self.session.muted ^ {role}, self.session.cut)

    def _toggle_cut(self, start: str, end: str) -> None:
        self._silence(self.session.muted, self.session.cut ^ {(start, end)})

    def _toggle_line(self, role: str, processor: str) -> None:
        """A line of the mesh stands for both directions."""
        both = {(role, processor), (processor, role)} & set(self.what_if.connections.edges)
        cut = self.session.cut
        self._silence(self.session.muted, cut - both if both & cut else cut | both)

    def _silence(self, muted: frozenset[str], cut: frozenset[Edge]) -> None:
        self.session.muted, self.session.cut = muted, cut
        self.what_if.set_silenced(muted, cut)
        self.page.muted.setChecked(self.page.name in muted)
        self._show_silenced()
        self.start(self._observe())

    def _model_chosen(self, _choice: str) -> None:
        self.what_if.show_ranking(None)
        self.session.forget()
        self.clear_messages("width")
        self.structure.forget()
        self.comparing.offer()
        if self.session.cut:
            self._silence(self.session.muted, frozenset())  # another model may be wired in another way
        else:
            self.start(self._observe())
        if self.views.current == "structure":
            self.structure.look()

    # Showing ----------------------------------------------------------------------------------------------

    def now_shown(self) -> Shown | None:
        """What the views show now."""
        if self.playback.active:
            return self.playback.shown()
        return self.observed_shown()

    def observed_shown(self) -> Shown | None:
        """The selected sequences."""
        session = self.session
        if session.observer is None or session.sequences is None:
            return None
        if session.observation is None and session.glance is not None:
            few = session.sequences.part(glance_of(len(session.sequences)))
            return shown_of(session.observer, few, session.glance, [])
        if session.observation is None:
            return None
        return shown_of(session.observer, session.sequences, session.observation, self.selection)

    def _show_all(self) -> None:
        """After another observation, another run or another epoch."""
        history = self.playback.history
        if history is not None:
            self.heat_page.show_history(history, self.playback.at)
            self.mesh_page.histograms.set_training(history.gates, self.playback.at)
        else:
            self.heat_page.show_observation(self.observation)
            self.heat.select(self.selection)
            found = self.observation or self.session.glance
            self.mesh_page.histograms.set_gates(None if found is None else found.gates)
        self._show_gating()
        self._show_shown()

    def _show_shown(self) -> None:
        """After another selection."""
        shown = self.now_shown()
        wiring = self._wiring(shown)
        if wiring != self.mesh.wiring:
            self.mesh.set_wiring(wiring, self.parameters())
        self.mesh.set_gates(None if shown is None else shown.gates, None if shown is None else shown.spread)
        self.kl_page.show_shown(shown)
        self._show_silenced()
        self._show_figures(shown)
        if self.page.name:
            self._show_module(self.page.name)

    def _wiring(self, shown: Shown | None) -> Wiring:
        if shown is not None:
            return shown.wiring
        observer = self.session.observer
        return self.mesh.wiring if observer is None else observer.network.wiring

    def parameters(self) -> dict[str, int]:
        """A module's parameters, of the model that is loaded."""
        return {} if self.session.observer is None else self.session.observer.parameters()

    def _show_silenced(self) -> None:
        played = self.playback.active
        lines = {(a, b) if a in ROLE_NAMES else (b, a) for a, b in self.session.cut}
        self.mesh.set_silenced(
            frozenset() if played else self.session.muted, frozenset() if played else frozenset(lines)
        )

    def _show_figures(self, shown: Shown | None) -> None:
        if shown is None:
            self.figures.show_nothing()
        elif self.playback.active:
            self.figures.show_epoch(shown, self._gating_words())
        else:
            self.figures.show_sequences(shown, self.session, self.selection, self._gating_words())

    def _gating(self) -> str:
        if self.playback.told is not None:
            return self.playback.told.gating
        return "" if self.session.observer is None else self.session.observer.gating

    def _gating_words(self) -> str:
        return {"routing": tr("routing"), "observed": tr("observed only"), "": ""}[self._gating()]

    def _show_gating(self) -> None:
        self.clear_messages("gating")
        if self._gating() == "observed":
            words = tr(
                "The gates of this model are only observed: nothing is multiplied by them, so they say nothing about routing."
            )
            self.show_message("hint", words, key="gating")

    def _show_module(self, name: str) -> None:
        if not name:
            return
        self.mesh_page.select(name)
        self.kl_page.bars.select(name)
        self.compare.select(name)
        self.what_if.select(name)
        self.wiring_page.mesh.select(name)
        parameters = self.parameters().get(name, 0)
        self.page.show_module(
            name, self.mesh.wiring, parameters, name in self.session.muted, self._effect_words(name)
        )
        gates = None if self.observation is None or self.playback.active else self.observation.gates
        self.page.show_figures(self.now_shown(), gates)
        self.page.show_training(self.playback.history_of(self.models.choice))

    def _effect_words(self, name: str) -> str:
        effect = self.what_if.effects.effects.get(name)
        if effect is None or effect.added_error != effect.added_error:
            return ""
        rank = self.what_if.effects.roles.index(name) + 1
        added = digits(effect.added_error, "+.3g")
        return tr("Muting it adds {error} to the squared error: rank {n} of 19", error=added, n=rank)

    def _show_card(self) -> None:
        info = self.models.info()
        if info is not None:
            self.card.show_info(info)
            self.details_stack.setCurrentWidget(self.card)
            self.show_details(True, tr("Model card"))
