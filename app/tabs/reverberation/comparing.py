"""Filling the two sides of a comparison: this model, another one on the same sequences, or an epoch of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.held import HeldModel
from app.i18n import tr
from app.tabs.reverberation import work
from app.tabs.reverberation.compare_page import EPOCHS, MODEL, THIS, Source, run_folders
from app.tabs.reverberation.shown import SHIPPED, Shown, shown_of, told
from app.tabs.reverberation.work import OTHER_WORKER
from models.progress import Cancelled
from models.resources import resource

if TYPE_CHECKING:
    from app.tabs.reverberation.tab import ReverberationTab
    from models.reverberation.observer import Observer


class Comparing:
    """Keeps one more model besides the tab's own: the one that was compared with last."""

    def __init__(self, tab: ReverberationTab) -> None:
        self._tab, self._page = tab, tab.compare
        self._held: HeldModel[Observer] = HeldModel(tab.services, "reverberation", OTHER_WORKER, parent=tab)
        self._seen: tuple[object, ...] = ()  # what the other model's observation is of
        self._page.asked.connect(self.fill)
        self.offer()
        tab.services.training.changed.connect(self.offer)
        self._page.sides[0].choose(Source(THIS))

    def offer(self) -> None:
        """What there is to compare: models, and runs."""
        models = self._tab.models
        sources: list[tuple[str, Source | None]] = [(tr("the chosen model"), Source(THIS))]
        sources += [(models.title(choice), Source(MODEL, choice)) for choice in ("bundled", *models.kept)]
        kept = {Path(choice) for choice in models.kept}
        if resource("samples", "reverberation", "run").is_dir():
            sources.append((tr("epochs of the bundled model"), Source(EPOCHS, SHIPPED)))
        for run in self._tab.services.training.of("reverberation"):
            for name, folder in run_folders(run.path):
                if folder not in kept:
                    sources.append((f"{run.run.name} · {name}", Source(MODEL, str(folder))))
            sources.append((tr("epochs of {run}", run=run.run.name), Source(EPOCHS, str(run.path))))
        nothing: tuple[str, Source | None] = (tr("choose a model or a run"), None)
        for side in self._page.sides:
            side.offer([nothing, *sources])

    def refresh(self) -> None:
        """Other sequences, another selection or another model: fill both sides again."""
        for number in (0, 1):
            self.fill(number)

    def fill(self, number: int) -> None:
        """Show what a side has chosen."""
        side = self._page.sides[number]
        source = side.source
        if source is None or source.kind == THIS:
            side.set_epochs(None)
            self._page.show_side(number, self._tab.observed_shown() if source is not None else None)
        elif source.kind == EPOCHS:
            found = told(self._tab.services, source.place)
            side.set_epochs(None if found is None else found.history.epochs)
            shown = None if found is None else found.shown(found.place(side.epoch.value()))
            self._page.show_side(number, shown)
        else:
            side.set_epochs(None)
            if self._tab.session.sequences is not None:
                self._tab.start(self._observe(number, source))

    async def _observe(self, number: int, source: Source) -> None:
        """The tab's sequences by another model."""
        tab = self._tab
        sequences = tab.session.sequences
        assert sequences is not None
        wanted = (source.place, tab.services.device)
        try:
            with tab.services.task(tr("Observing sequences")) as task:
                observer = await self._held.get(source.place, task)
                if self._seen[:3] != (*wanted, id(sequences)):
                    found = await tab.services.worker(OTHER_WORKER).run(
                        work.observed, observer, sequences, frozenset(), frozenset(),
                        progress=task, newest_wins="compare", drop_running=True,
                    )  # fmt: skip
                    self._seen = (*wanted, id(sequences), found, sequences)
        except Cancelled:
            return
        if self._page.sides[number].source == source and tab.session.sequences is sequences:
            shown: Shown = shown_of(observer, sequences, self._seen[3], tab.selection)  # type: ignore[arg-type]
            self._page.show_side(number, shown)
