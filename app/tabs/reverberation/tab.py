"""The ReverberationNet tab: sequences in, gates out, and what muting a role would change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QStackedWidget,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import tr
from app.services import Services
from app.tabs.base import Tab
from app.tabs.reverberation.module_page import ModulePage
from app.tabs.reverberation.what_if import WhatIf
from app.widgets.drop_zone import DropZone
from app.widgets.figure_card import FigureCard
from app.widgets.gate_views import GateHistograms, HeatMap
from app.widgets.labels import Hint
from app.widgets.mesh import MeshView
from app.widgets.model_choice import ModelChoice
from app.widgets.section import Segments
from models.errors import UserError
from models.progress import Cancelled
from models.reverberation.wiring import PROCESSOR_NAMES, ROLE_NAMES

if TYPE_CHECKING:
    from models.progress import Progress
    from models.reverberation.data import Sequences
    from models.reverberation.observer import Observation, Observer

WORKER = "reverberation"


class ReverberationTab(Tab):
    """Mesh, heat map and what-if over one choice of data and model."""

    system = "reverberation"
    open_title = "Open sequences"
    open_filter = "Sequences (*.npz *.npy *.csv *.parquet)"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self.sequences: Sequences | None = None
        self.observation: Observation | None = None
        self.whole: Observation | None = None  # with no role muted
        self.muted: frozenset[str] = frozenset()
        self._path: Path | str = ""
        self._observer: Observer | None = None
        self._held = ("", "")  # choice and device of the observer
        self._fill_source()
        self._fill_view()
        self._show_figures()
        self.set_action(tr("Observe"), enabled=False)

    # What the window asks ---------------------------------------------------------------------------------

    def act(self) -> None:
        self.start(self._observe())

    def accept_paths(self, paths: list[Path]) -> None:
        if paths:
            self._path = paths[0]
            self.start(self._open())

    def receive(self, payload: object) -> None:
        """An array of sequences from another tab, [n, time, width]."""
        if isinstance(payload, np.ndarray):
            from models.reverberation.data import from_array

            try:
                self._show_sequences(from_array(payload, title=tr("sent here")))
            except UserError as error:
                self.show_error(error)
                return
            self.start(self._observe())
        else:
            super().receive(payload)

    def try_sample(self) -> None:
        self._path = "sample"
        self.start(self._open())

    def use_checkpoint(self, path: Path) -> None:
        self.models.choose(str(path))

    def export_actions(self) -> list[QAction]:
        for action in self._exports:
            action.setEnabled(self.observation is not None or action is self._exports[-1])
        return self._exports

    def state(self) -> dict[str, Any]:
        return {"model": self.models.choice, "models": self.models.kept, "view": self.views.current}

    def restore(self, state: dict[str, Any]) -> None:
        self.models.restore(str(state.get("model", "")), [str(one) for one in state.get("models", [])])
        if state.get("view") in self.views.buttons:
            self.views.choose(str(state["view"]))

    # Work -------------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        from models.reverberation.data import open_sequences

        self.clear_messages()
        try:
            with self.services.task(tr("Reading sequences")):
                found = await self.services.worker(WORKER).run(open_sequences, self._path)
        except Cancelled:
            return
        self._show_sequences(found)
        await self._observe()

    def _show_sequences(self, sequences: Sequences) -> None:
        self.sequences = sequences
        self.observation = self.whole = None
        self._about.setText(
            tr("{n} sequences of {width} features, up to {longest} steps", n=len(sequences), width=sequences.width,
               longest=sequences.longest)
            + (f" · {sequences.target_title or tr('target')}" if sequences.y is not None else "")
        )  # fmt: skip
        self.number.setRange(0, len(sequences))
        self.number.setValue(0)
        self.set_action(tr("Observe"))

    async def _observe(self) -> None:
        if self.sequences is None:
            return
        try:
            with self.services.task(tr("Observing sequences")) as task, self.busy(task):
                observer = await self._loaded(task)
                worker = self.services.worker(WORKER)
                found: Observation = await worker.run(
                    _observed, observer, self.sequences, self.muted,
                    progress=task, newest_wins="observe", drop_running=True,
                )  # fmt: skip
        except Cancelled:
            return
        self.observation = found
        if not self.muted:
            self.whole = found
        self._show_all()

    async def _loaded(self, progress: Progress) -> Observer:
        wanted = (self.models.choice, self.services.device)
        if self._observer is None or self._held != wanted:
            self._observer = await self.services.load(WORKER, _load, *wanted, progress=progress)
            self._held = wanted
            self.services.report_device(self._observer.device_name, self._observer.note)
            self.mesh.set_wiring(self._observer.network.wiring, self._observer.parameters())
            self._show_gating()
        return self._observer

    async def _rank(self) -> None:
        if self.sequences is None:
            return
        try:
            with self.services.task(tr("Muting every role in turn")) as task, self.busy(task):
                observer = await self._loaded(task)
                rows = await self.services.worker(WORKER).run(observer.ranking, self.sequences, progress=task)
        except Cancelled:
            return
        self.what_if.effects.show_effects(rows)

    async def _look(self, number: int) -> None:
        """The activity over time of one sequence."""
        if self._observer is None or self.sequences is None or not self.page.name or number < 1:
            self.page.show_activity(None)
            return
        try:
            found = await self.services.worker(WORKER).run(
                self._observer.activity, self.sequences, number - 1, newest_wins="activity"
            )
        except Cancelled:
            return
        if self.page.name in ROLE_NAMES:
            self.page.show_activity(found[:, ROLE_NAMES.index(self.page.name)])

    # Showing ----------------------------------------------------------------------------------------------

    def _show_all(self) -> None:
        self._show_mesh()
        self._show_heat()
        self._show_figures()
        self.histograms.set_gates(None if self.observation is None else self.observation.gates)
        self._show_module(self.mesh.selected)

    def _show_mesh(self) -> None:
        gates = None
        if self.observation is not None:
            number = self.number.value()
            gates = self.observation.gates[:, number - 1] if number else self.observation.gates.mean(axis=1)
        self.mesh.set_gates(gates)
        self.mesh.set_muted(self.muted)

    def _show_heat(self) -> None:
        if self.observation is None:
            self.heat.set_values(np.zeros((0, len(ROLE_NAMES))), None)
            return
        first, second = (
            self.observation.gates[: len(ROLE_NAMES)].T,
            self.observation.gates[len(ROLE_NAMES) :].T,
        )
        kind = self.which.currentData()
        values = {"1": first, "2": second, "difference": second - first}[kind]
        self.heat.set_values(values, self.observation.target, difference=kind == "difference")

    def _show_figures(self) -> None:
        found, whole = self.observation, self.whole
        if found is None:
            for card in self.cards:
                card.set("–")
            return
        errors = found.errors
        self.cards[0].set(
            f"{len(found.output):,}", tr("with targets") if errors is not None else tr("without targets")
        )
        change = ""
        if errors is not None and whole is not None and whole.errors is not None and self.muted:
            change = tr("{before} with every role", before=f"{np.sqrt(whole.errors.mean()):.4g}")
        self.cards[1].set(
            "–" if errors is None else f"{np.sqrt(errors.mean()):.4g}", change or tr("root mean square")
        )
        middle, spread = found.output.mean(), found.output.std()
        self.cards[2].set(f"{middle:.4g}".replace("-", "−"), tr("spread {sd}", sd=f"{spread:.3g}"))
        self.cards[3].set(f"{found.gates.mean():.3f}", self._gating_words())

    def _gating_words(self) -> str:
        if self._observer is None:
            return ""
        return tr("routing") if self._observer.gating == "routing" else tr("observed only")

    def _show_gating(self) -> None:
        self.clear_messages("gating")
        if self._observer is not None and self._observer.gating == "observed":
            words = tr(
                "The gates of this model are only observed: nothing is multiplied by them, so they say nothing about routing."
            )
            self.show_message("hint", words, key="gating")

    def _show_module(self, name: str) -> None:
        if not name:
            return
        for view in (self.mesh, self.histograms):
            view.selected = name
            view.update()
        observer = self._observer
        parameters = observer.parameters().get(name, 0) if observer is not None else 0
        self.page.show_module(name, self.mesh.wiring, parameters, name in self.muted)
        if self.observation is not None:
            count = len(ROLE_NAMES)
            kl = self.observation.kl.mean(axis=1)
            if name in ROLE_NAMES:
                number = ROLE_NAMES.index(name)
                self.page.show_figures(
                    self.observation.gates[[number, number + count]], kl[[number, number + count]]
                )
            elif name in PROCESSOR_NAMES:
                self.page.show_figures(None, kl[[2 * count + PROCESSOR_NAMES.index(name)]])
            if name in ROLE_NAMES and self.number.value():
                self.start(self._look(self.number.value()))

    def _choose_module(self, name: str) -> None:
        self._show_module(name)
        self._stack_details.setCurrentWidget(self.page)
        self.show_details(True, tr("Module"))

    def _choose_sequence(self, number: int) -> None:
        """0 is the mean of all."""
        self.heat.selected = number - 1
        self.heat.update()
        self._show_mesh()
        if self.page.name:
            self.start(self._look(number))

    def _toggle_mute(self, role: str) -> None:
        self._set_muted(self.muted ^ {role})

    def _set_muted(self, muted: frozenset[str]) -> None:
        self.muted = muted
        self.what_if.set_muted(muted)
        self.mesh.set_muted(muted)
        self.page.muted.setChecked(self.page.name in muted)
        if self.sequences is not None:
            self.start(self._observe())

    def _model_chosen(self, _choice: str) -> None:
        self.what_if.effects.show_effects([])
        self.whole = None
        if self.sequences is not None:
            self.start(self._observe())

    def _show_card(self) -> None:
        info = self.models.info()
        if info is not None:
            self._card.setMarkdown(info.card or info.title)
            self._stack_details.setCurrentWidget(self._card)
            self.show_details(True, tr("Model card"))

    # Export -----------------------------------------------------------------------------------------------

    def _ask_and_save(self, proposal: str, kinds: str, save: Callable[[Path], None]) -> None:
        name, _ = QFileDialog.getSaveFileName(self, tr("Export"), proposal, kinds)
        if name:
            save(Path(name))

    def save_gates(self, path: Path) -> None:
        """Outputs, gates and KL, as CSV (a row a sequence) or NPZ."""
        from models.reverberation.tables import write_observation

        if self.observation is None:
            return
        try:
            write_observation(path, self.observation)
        except UserError as error:
            self.show_error(error)

    def save_mesh(self, path: Path) -> None:
        """The mesh as it is drawn, as SVG or PNG."""
        try:
            self.mesh.save(path)
        except OSError as error:
            from models.checkpoint import cannot_write

            self.show_error(cannot_write(path, error))

    async def _save_drawings(self, folder: Path) -> None:
        from models.reverberation.commands import describe
        from models.systems import checkpoint_path

        with self.services.task(tr("Drawing the architecture")):
            choice = checkpoint_path("reverberation", self.models.choice)
            await self.services.worker(WORKER).run(describe, choice, folder)
        self.show_message("hint", tr("Drawings were written to {folder}.", folder=folder), key="drawn")

    def _make_exports(self) -> list[QAction]:
        table = QAction(tr("Gates as CSV or NPZ…"), self)
        table.triggered.connect(
            lambda: self._ask_and_save("gates.csv", "CSV (*.csv);;NPZ (*.npz)", self.save_gates)
        )
        picture = QAction(tr("Mesh as SVG or PNG…"), self)
        picture.triggered.connect(
            lambda: self._ask_and_save("mesh.svg", "SVG (*.svg);;PNG (*.png)", self.save_mesh)
        )
        drawings = QAction(tr("Architecture drawings and tree…"), self)
        drawings.triggered.connect(self._ask_for_drawings)
        return [table, picture, drawings]

    def _ask_for_drawings(self) -> None:
        name = QFileDialog.getExistingDirectory(self, tr("Folder for the drawings"))
        if name:
            self.start(self._save_drawings(Path(name)))

    # Making -----------------------------------------------------------------------------------------------

    def _fill_source(self) -> None:
        zone = DropZone(tr("Drop sequences"), ".npz .npy .csv .parquet")
        zone.dropped.connect(self._take_paths)
        zone.clicked.connect(self.choose_files)
        self.source.add(zone)
        self._about = Hint()
        self.source.add(self._about)
        link = Hint(f'<a href="sample">{tr("Try the sample")}</a>')
        link.linkActivated.connect(lambda _link: self.try_sample())
        self.source.add(link)
        self.models = ModelChoice("reverberation")
        self.models.changed.connect(self._model_chosen)
        self.models.train_asked.connect(lambda: self.services.training.launch(self.system))
        self.models.card_asked.connect(self._show_card)
        self.models.refused.connect(self.show_error)
        self.model.add(self.models)
        self.options.hide()

    def _take_paths(self, paths: list[Path]) -> None:
        self.services.add_recent(paths)
        self.accept_paths(paths)

    def _fill_view(self) -> None:
        cards = QHBoxLayout()
        cards.setSpacing(theme.SMALL)
        titles = (tr("Sequences"), tr("RMS error"), tr("Output"), tr("Mean gate"))
        self.cards = [FigureCard(title) for title in titles]
        for card in self.cards:
            cards.addWidget(card, 1)
        self.view.addLayout(cards)
        self.views = Segments(
            {"mesh": tr("Mesh"), "heat": tr("Heat map"), "what if": tr("What if")}, tr("View")
        )
        self.number = QSpinBox()
        self.number.setRange(0, 0)
        self.number.setSpecialValueText(tr("mean of all"))
        self.number.setToolTip(tr("Which sequence is shown"))
        self.number.setAccessibleName(tr("Sequence"))
        self.number.valueChanged.connect(self._choose_sequence)
        self.which = QComboBox()
        for words, value in ((tr("pass 1"), "1"), (tr("pass 2"), "2"), (tr("difference"), "difference")):
            self.which.addItem(words, value)
        self.which.setAccessibleName(tr("Pass"))
        self.which.setToolTip(tr("Which pass the heat map shows"))
        self.which.currentIndexChanged.connect(lambda _index: self._show_heat())
        row = QHBoxLayout()
        row.setSpacing(theme.SMALL)
        row.addWidget(self.views)
        row.addStretch(1)
        row.addWidget(self.which)
        label = QLabel(tr("Sequence"))
        label.setBuddy(self.number)
        row.addWidget(label)
        row.addWidget(self.number)
        self.view.addLayout(row)
        self._make_pages()
        self.views.chosen.connect(self._view_chosen)
        self._view_chosen("mesh")
        self._make_page_of_details()
        self._exports = self._make_exports()

    def _make_pages(self) -> None:
        self.mesh, self.heat, self.what_if = MeshView(), HeatMap(), WhatIf()
        self.histograms = GateHistograms()
        first = QWidget()
        column = QVBoxLayout(first)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SMALL)
        column.addWidget(self.mesh, 1)
        legend = Hint(
            tr(
                "edge: gate of pass 1 · arc: gate of pass 2 · dashed: not gated · hollow: muted (M or double-click)"
            )
        )
        column.addWidget(legend)
        column.addWidget(self.histograms)
        self._pages = QStackedWidget()
        self._of_view: dict[str, QWidget] = {"mesh": first, "heat": self.heat, "what if": self.what_if}
        for page in self._of_view.values():
            self._pages.addWidget(page)
        self.view.addWidget(self._pages, 1)
        self.mesh.chosen.connect(self._choose_module)
        self.mesh.mute_asked.connect(self._toggle_mute)
        self.histograms.chosen.connect(self._choose_module)
        self.heat.chosen.connect(lambda number: self.number.setValue(number + 1))
        self.heat.sorted_by.connect(self._sort)
        self.what_if.rank_asked.connect(lambda: self.start(self._rank()))
        self.what_if.mute_asked.connect(self._toggle_mute)
        self.what_if.clear_asked.connect(lambda: self._set_muted(frozenset()))
        self.what_if.chosen.connect(self._choose_module)

    def _make_page_of_details(self) -> None:
        self.page = ModulePage()
        self.page.mute_asked.connect(self._toggle_mute)
        self._card = QTextBrowser()
        self._card.setOpenExternalLinks(True)
        self._card.setAccessibleName(tr("Model card"))
        self._stack_details = QStackedWidget()
        self._stack_details.addWidget(self.page)
        self._stack_details.addWidget(self._card)
        self.details.addWidget(self._stack_details)

    def _view_chosen(self, name: str) -> None:
        self._pages.setCurrentWidget(self._of_view[name])
        self.which.setVisible(name == "heat")

    def _sort(self, column: str) -> None:
        self.heat.sort("" if column == self.heat.sort_column else column)


def _observed(
    observer: Observer, sequences: Sequences, muted: frozenset[str], progress: Progress
) -> Observation:
    """In the worker's thread."""
    return observer.observe(sequences, progress, muted=tuple(muted))


def _load(choice: str, device: str, progress: Progress) -> Observer:
    """In the worker's thread: torch is imported here for the first time."""
    from models.reverberation.observer import Observer

    return Observer.load(choice, device, progress)
