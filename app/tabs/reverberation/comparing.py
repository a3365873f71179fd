"""Filling the two sides of a comparison: this model, another one on the same sequences, or an epoch of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.held import HeldModel
from app.i18n import tr
from app.tabs.host import Host
from app.tabs.reverberation import work
from app.tabs.reverberation.compare_page import EPOCHS, MODEL, THIS, ComparePage, Source, run_folders
from app.tabs.reverberation.session import MeshSession
from app.tabs.reverberation.snapshots import SHIPPED, has_shipped_run, run_history, snapshot_of
from app.tabs.reverberation.work import OTHER_WORKER
from models.progress import Cancelled

if TYPE_CHECKING:
    from models.reverberation.observer import Observation, Observer
    from models.reverberation.sequences import Sequences

Models = Callable[[], list[tuple[str, str]]]  # (title, choice) of those that the tab knows


@dataclass(frozen=True)
class Seen:
    """What another model made of sequences."""

    observer: Observer
    sequences: Sequences
    observation: Observation


class Comparing(QObject):
    """Keeps one more model besides the session's own: the one that was compared with last."""

    def __init__(self, host: Host, session: MeshSession, page: ComparePage, models: Models) -> None:
        super().__init__(page)
        self._host, self._session, self._page, self._models = host, session, page, models
        self._held: HeldModel[Observer] = HeldModel(host.services, "reverberation", OTHER_WORKER, parent=self)
        self._seen: Seen | None = None
        page.asked.connect(self.fill)
        for signal in (session.shown, session.selected):
            signal.connect(self.refresh)
        host.services.training.changed.connect(self.offer)
        self.offer()
        page.sides[0].choose(Source(THIS))

    def offer(self) -> None:
        """What there is to compare: models, and runs."""
        known = self._models()
        sources: list[tuple[str, Source | None]] = [(tr("the chosen model"), Source(THIS))]
        sources += [(title, Source(MODEL, choice)) for title, choice in known]
        kept = {Path(choice) for _title, choice in known}
        if has_shipped_run():
            sources.append((tr("epochs of the bundled model"), Source(EPOCHS, SHIPPED)))
        for run in self._session.services.training.of("reverberation"):
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
        side.set_epochs(None)
        if source is None:
            self._page.show_side(number, None)
        elif source.kind == THIS:
            self._page.show_side(number, self._session.settled)
        elif source.kind == EPOCHS:
            result = run_history(self._session.services, source.place)
            side.set_epochs(None if result is None else result.history.epochs)
            place = 0 if result is None else result.place(side.epoch.value())
            self._page.show_side(number, None if result is None else result.snapshot(place))
        elif self._session.sequences is not None:
            self._host.start(self._observe(number, source, self._session.sequences))

    async def _observe(self, number: int, source: Source, sequences: Sequences) -> None:
        """The session's sequences by another model."""
        try:
            with self._session.services.task(tr("Observing sequences")) as task:
                observer = await self._held.get(source.place, task)
                seen = self._seen
                if seen is None or seen.observer is not observer or seen.sequences is not sequences:
                    result = await self._held.worker.run(
                        work.observed,
                        observer,
                        sequences,
                        frozenset(),
                        frozenset(),
                        progress=task,
                        newest_wins="compare",
                        drop_running=True,
                    )
                    seen = self._seen = Seen(observer, sequences, result)
        except Cancelled:
            return
        if self._page.sides[number].source == source and self._session.sequences is sequences:
            shown = snapshot_of(observer, sequences, seen.observation, self._session.selection)
            self._page.show_side(number, shown)
