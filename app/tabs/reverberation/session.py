"""What is open, which model looks at it, what is silenced, and what was observed; the work goes to the worker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.held import HeldModel
from app.i18n import tr
from app.services import ShownProgress
from app.tabs.base import Tab
from app.tabs.reverberation import work
from app.tabs.reverberation.work import RANKER, WORKER, Edge, Ranking, Structure
from models.progress import Cancelled

if TYPE_CHECKING:
    from models.progress import Progress
    from models.reverberation.data import Sequences
    from models.reverberation.observer import Observation, Observer


class Session(QObject):
    """Coroutines raise UserError for what a person can mend, and `Cancelled` where something newer was asked for.

    opened: other sequences. loaded: another model. observed: there is more to show.
    """

    opened = Signal()
    loaded = Signal()
    observed = Signal()

    def __init__(self, tab: Tab) -> None:
        super().__init__(tab)
        self._tab, self.services = tab, tab.services
        self.path: Path | str = ""  # of the sequences; nothing where another tab sent them
        self.sequences: Sequences | None = None
        self._held: HeldModel[Observer] = HeldModel(tab.services, "reverberation", WORKER, parent=self)
        self._held.changed.connect(self._model_changed)
        self.observation: Observation | None = None
        self.whole: Observation | None = None  # with nothing silenced
        self.glance: Observation | None = None  # of a few sequences, until all are observed
        self.muted: frozenset[str] = frozenset()
        self.cut: frozenset[Edge] = frozenset()

    @property
    def silenced(self) -> bool:
        return bool(self.muted or self.cut)

    async def open(self, path: Path | str) -> None:
        """Read the sequences of a file; ``sample`` is the one that ships."""
        from models.reverberation.data import open_sequences

        with self.services.task(tr("Reading sequences")):
            found = await self.services.worker(WORKER).run(open_sequences, path)
        self.take(found, path)

    def take(self, sequences: Sequences, path: Path | str = "") -> None:
        """Look at these sequences from now on."""
        self.sequences, self.path = sequences, path
        self.forget()
        self.observation = None
        self.opened.emit()

    def forget(self) -> None:
        """What was observed by another model, or of other sequences, is no measure any more."""
        self.whole = self.glance = None

    async def observe(self, choice: str) -> None:
        """The sequences by the model; where there are many, first a few of them, so that there is something to see."""
        if self.sequences is None:
            return
        async with self._busy(tr("Observing sequences")) as task:
            observer = await self.load(choice, task)
            sequences, silenced = self.sequences, (self.muted, self.cut)
            few = work.glance_of(len(sequences))
            if len(few) < len(sequences) and (self.silenced or self.observation is None):
                self.glance = await self._run(observer, sequences.part(few), task.part(0, 0.05))
                self.observed.emit()
            found = await self._run(observer, sequences, task)
        if silenced != (self.muted, self.cut) or sequences is not self.sequences:
            return
        self.glance, self.observation = None, found
        if not self.silenced:
            self.whole = found
        self.observed.emit()

    async def load(self, choice: str, progress: Progress) -> Observer:
        """The chosen model, loaded where it is not yet."""
        return await self._held.get(choice, progress)

    @property
    def observer(self) -> Observer | None:
        """The model that is loaded now."""
        return self._held.model

    def _model_changed(self) -> None:
        if self._held.model is not None:
            self.loaded.emit()

    async def rank(self, choice: str) -> Ranking | None:
        """Every role muted in turn; None without sequences. Raises Cancelled where they, or a newer ranking, came up."""
        sequences = self.sequences
        if sequences is None:
            return None
        async with self._busy(tr("Muting every role in turn")) as task:
            observer = await self.load(choice, task)
            found: Ranking = await self.services.worker(RANKER).run(
                work.ranked, observer, sequences, progress=task, newest_wins="rank", drop_running=True
            )
        if sequences is not self.sequences or observer is not self.observer:
            raise Cancelled
        return found

    async def activity(self, number: int) -> np.ndarray:
        """[2, 19, time] of one sequence by the model that is loaded."""
        if self.observer is None or self.sequences is None:
            raise Cancelled
        return await self.services.worker(WORKER).run(
            self.observer.activity, self.sequences, number, newest_wins="activity"
        )

    async def structure(self, choice: str) -> Structure:
        with self.services.task(tr("Drawing the architecture")) as task:
            observer = await self.load(choice, task)
            return await self.services.worker(WORKER).run(work.structure, observer)

    async def project(self, choice: str) -> None:
        """Bring the sequences to the model's width."""
        if self.sequences is None:
            return
        with self.services.task(tr("Projecting sequences")) as task:
            observer = await self.load(choice, task)
            found = await self.services.worker(WORKER).run(observer.projected, self.sequences)
        self.take(found, self.path)

    async def _run(self, observer: Observer, sequences: Sequences, progress: Progress) -> Observation:
        return await self.services.worker(WORKER).run(
            work.observed, observer, sequences, self.muted, self.cut,
            progress=progress, newest_wins="observe", drop_running=True,
        )  # fmt: skip

    @asynccontextmanager
    async def _busy(self, title: str) -> AsyncIterator[ShownProgress]:
        with self.services.task(title) as task, self._tab.busy(task):
            yield task
