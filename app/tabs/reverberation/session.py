"""What is open, which model looks at it, what is silenced, and what was observed. No widgets: views listen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.i18n import tr
from app.tabs.host import Host
from app.tabs.reverberation import work
from app.tabs.reverberation.snapshots import SHIPPED, RunHistory, Snapshot, run_history, snapshot_of
from app.tabs.reverberation.work import RANKER, WORKER, Edge, Growth, Ranking, Structure
from app.tabs.session import Session
from models.loading import BUNDLED
from models.progress import Cancelled
from models.reverberation.summary import evenly
from models.reverberation.wiring import CONDUCTOR, PROCESSOR_NAMES, ROLE_NAMES, Wiring, documented

if TYPE_CHECKING:
    from models.progress import Progress
    from models.reverberation.observer import Effect, Observation, Observer
    from models.reverberation.sequences import Sequences

GLANCE = 64  # sequences that an answer at once is of, where there are many more


class MeshSession(Session["Observer"]):
    """Coroutines raise UserError for what a person can mend, and `Cancelled` where something newer was asked for.

    opened(): other sequences. loaded(): another model. shown(): all that is shown may be another: something was
    observed, or another run or epoch is played. selected(): other sequences are chosen. silenced_changed(): other
    roles are muted, or other connections cut. module_changed(): another module is chosen. ranked(): there is a
    ranking, or none any more. observing_changed(): `observing` is another. play_ended(): the sequences are shown
    again, whatever was played.
    """

    opened = Signal()
    loaded = Signal()
    shown = Signal()
    selected = Signal()
    silenced_changed = Signal()
    module_changed = Signal()
    ranked = Signal()
    observing_changed = Signal()
    play_ended = Signal()

    def __init__(self, host: Host, parent: QObject | None = None) -> None:
        super().__init__(host, "reverberation", WORKER, parent)
        self.held.changed.connect(self._model_changed)
        self.path: Path | str = ""  # of the sequences; nothing where another tab sent them
        self.sequences: Sequences | None = None
        self.selection: list[int] = []  # no sequence stands for all
        self.observation: Observation | None = None
        self.whole: Observation | None = None  # with nothing silenced
        self.glance: Observation | None = None  # of `glanced` sequences, until all are observed
        self.glanced: list[int] = []
        self.muted: frozenset[str] = frozenset()
        self.cut: frozenset[Edge] = frozenset()
        self.module = ""
        self.ranking: Ranking | None = None
        self.played: RunHistory | None = None  # shown instead of the sequences
        self.epoch = 0  # its place in what is played
        self._made: tuple[str, RunHistory | None] | None = (
            None  # of the chosen model: its run, what that told
        )
        self._observations = 0  # under way

    # What is known ----------------------------------------------------------------------------------------

    @property
    def observer(self) -> Observer | None:
        """The model that is loaded now."""
        return self.held.model

    @property
    def silenced(self) -> bool:
        return bool(self.muted or self.cut)

    @property
    def observing(self) -> bool:
        return self._observations > 0

    @property
    def wiring(self) -> Wiring:
        """Of what is shown."""
        shown = self.snapshot
        if shown is not None:
            return shown.wiring
        return documented() if self.observer is None else self.observer.network.wiring

    @property
    def parameters(self) -> dict[str, int]:
        """A module's parameters, of the model that is loaded."""
        return {} if self.observer is None else self.observer.parameters()

    @property
    def gating(self) -> str:
        """``routing`` or ``observed``, of what is shown; nothing before a model is loaded."""
        if self.played is not None:
            return self.played.gating
        return "" if self.observer is None else self.observer.gating

    @property
    def snapshot(self) -> Snapshot | None:
        """What the views show now: an epoch of a run that is played, or the selected sequences."""
        return self.observed if self.played is None else self.played.snapshot(self.epoch)

    @property
    def observed(self) -> Snapshot | None:
        """The selected sequences; a few of them as long as not all have been observed."""
        if self.observer is None or self.sequences is None:
            return None
        if self.glance is not None:
            words = tr("first {n} of {all}", n=len(self.glanced), all=len(self.sequences))
            part = self.sequences.part(self.glanced)
            return snapshot_of(self.observer, part, self.glance, [], words)
        return self.settled

    @property
    def settled(self) -> Snapshot | None:
        """The selected sequences, once all have been observed: to be compared with what other models do with them."""
        if self.observer is None or self.sequences is None or self.observation is None:
            return None
        return snapshot_of(self.observer, self.sequences, self.observation, self.selection)

    @property
    def rms_of_whole(self) -> float | None:
        """The error with everything sounding, over the very sequences that are shown; None where it is not known."""
        if self.whole is None or not self.silenced or self.played is not None:
            return None
        rows = self.glanced if self.glance is not None else self.selection
        return self.whole.part(rows).rms if rows else self.whole.rms

    @property
    def history(self) -> RunHistory | None:
        """Of the run that is played, or else of the one that made the chosen model, where it is known."""
        if self.played is not None:
            return self.played
        place = SHIPPED if self.model == BUNDLED else str(Path(self.model).parent)
        if self._made is None or self._made[0] != place:
            self._made = (place, run_history(self.services, place))
        return self._made[1]

    def effect(self, role: str) -> tuple[Effect, int] | None:
        """What muting a role does, and its rank, from 1; None where the roles were not ranked."""
        for number, item in enumerate(self.ranking.effects if self.ranking is not None else (), 1):
            if item.role == role:
                return item, number
        return None

    # What is kept -----------------------------------------------------------------------------------------

    def state(self) -> dict[str, object]:
        """What is open and what is silenced, for `restore`; sequences that another tab sent have no file to be kept."""
        kept: dict[str, object] = {"muted": sorted(self.muted), "cut": sorted(map(list, self.cut))}
        if self.sequences is not None and self.path:
            kept |= {"path": self.path, "selection": self.selection, "module": self.module}
        return kept

    async def restore(self, state: Mapping[str, object]) -> None:
        """As it was left, as far as the file is still there and the model still has those modules."""
        path, muted, cut = state.get("path"), state.get("muted"), state.get("cut")
        if isinstance(muted, list):
            self.muted = frozenset(role for role in ROLE_NAMES if role in muted)
        if isinstance(cut, list):
            known = set(self.wiring.directed)
            self.cut = frozenset(edge for edge in known if list(edge) in cut)
        self.silenced_changed.emit()
        if path != "sample" and not (isinstance(path, Path) and path.is_file()):
            return
        await self.open(path)
        rows, module = state.get("selection"), state.get("module")
        if self.sequences is not None and self.path == path and isinstance(rows, list):
            self.select([row for row in rows if isinstance(row, int) and 0 <= row < len(self.sequences)])
        if module in (*ROLE_NAMES, *PROCESSOR_NAMES, CONDUCTOR.name):
            self.choose(str(module))

    # Choosing ---------------------------------------------------------------------------------------------

    def set_model(self, choice: str) -> None:
        """Look through another model from now on."""
        self.model = choice
        self.whole = self.glance = self.observation = None  # of another model
        self.shown.emit()
        self._set_ranking(None)
        if self.cut:
            self.silence(self.muted, frozenset())  # another model may be wired in another way
        else:
            self.observe_again()

    def select(self, rows: list[int]) -> None:
        """These sequences are shown; none stands for all."""
        self.selection = rows
        self.selected.emit()

    def choose(self, module: str) -> None:
        """A module is shown everywhere."""
        self.module = module
        self.module_changed.emit()

    def toggle_mute(self, role: str) -> None:
        """Mute a role, or let it sound again."""
        self.silence(self.muted ^ {role}, self.cut)

    def toggle_cut(self, start: str, end: str) -> None:
        """Cut the connection from one module to another, or mend it."""
        self.silence(self.muted, self.cut ^ {(start, end)})

    def toggle_line(self, role: str, processor: str) -> None:
        """A line of the mesh stands for both directions."""
        both = {(role, processor), (processor, role)} & set(self.wiring.directed)
        self.silence(self.muted, self.cut - both if both & self.cut else self.cut | both)

    def silence(self, muted: frozenset[str], cut: frozenset[Edge]) -> None:
        """These roles and connections carry nothing from now on, and all others do."""
        self.muted, self.cut = muted, cut
        self.silenced_changed.emit()
        self.observe_again()

    def play(self, run: RunHistory | None, epoch: int = 0) -> None:
        """Show an epoch of a run; nothing shows the sequences again."""
        self.played, self.epoch = run, epoch
        self.shown.emit()

    def end_play(self) -> None:
        """The sequences are wanted again, whatever is played."""
        self.play(None)
        self.play_ended.emit()

    def observe_again(self) -> None:
        """Observe the sequences that are open, as they are silenced now."""
        self._host.start(self.observe())

    # Work -------------------------------------------------------------------------------------------------

    async def open(self, path: Path | str) -> None:
        """Read the sequences of a file and observe them; ``sample`` is the one that ships."""
        from models.reverberation.data import open_sequences

        with self.services.task(tr("Reading sequences")):
            result = await self.held.worker.run(open_sequences, path)
        self.take(result, path)
        await self.observe()

    def take(self, sequences: Sequences, path: Path | str = "") -> None:
        """Look at these sequences from now on."""
        self.sequences, self.path, self.selection = sequences, path, []
        self.whole = self.glance = self.observation = None
        self._set_ranking(None)
        self.end_play()
        self.opened.emit()
        self.selected.emit()

    async def observe(self) -> None:
        """The sequences by the model; where there are many, first a few of them, so that there is something to see."""
        sequences, silenced = self.sequences, (self.muted, self.cut)
        if sequences is None:
            return
        self._count_observation(1)
        try:
            with self.busy(tr("Observing sequences")) as task:
                observer = await self.load(task)
                rows = self._rows_of_a_glance(sequences)
                if len(rows) < len(sequences) and (self.silenced or self.observation is None):
                    result = await self._observed(
                        observer, sequences.part(rows), silenced, task.part(0, 0.05)
                    )
                    self.glance, self.glanced = result, rows
                    self.shown.emit()
                result = await self._observed(observer, sequences, silenced, task)
                whole = result if not any(silenced) else self.whole
                if whole is None:
                    whole = await self._observed(observer, sequences, (frozenset(), frozenset()), task)
        finally:
            self._count_observation(-1)
        if silenced != (self.muted, self.cut) or sequences is not self.sequences:
            return
        self.glance, self.observation, self.whole = None, result, whole
        self.shown.emit()

    async def rank(self) -> None:
        """Every role muted in turn. Raises Cancelled where other sequences, or a newer ranking, came up."""
        sequences, model = self.sequences, self.model
        if sequences is None:
            return
        with self.busy(tr("Muting every role in turn")) as task:
            observer = await self.load(task)
            result: Ranking = await self.services.worker(RANKER).run(
                work.ranked, observer, sequences, progress=task, newest_wins="rank", drop_running=True
            )
        if sequences is not self.sequences or observer is not self.observer or model != self.model:
            raise Cancelled
        self._set_ranking(result)

    async def activity(self, role: str) -> np.ndarray | None:
        """[2, time] of a role over the one sequence that is selected; None where several are, or none."""
        if self.observation is None or len(self.selection) != 1 or role not in ROLE_NAMES:
            return None
        if self.observer is None or self.sequences is None:
            return None
        result = await self.held.worker.run(
            self.observer.activity, self.sequences, self.selection[0], newest_wins="activity"
        )
        both: np.ndarray = result[:, ROLE_NAMES.index(role)]
        return both

    async def growth(self, number: int) -> Growth | None:
        """What the mesh makes of a sequence after each of its steps, as it is silenced now."""
        if self.sequences is None:
            return None
        with self.services.task(tr("Observing sequences")) as task:
            observer = await self.load(task)
            result: Growth = await self.held.worker.run(
                work.grown,
                observer,
                self.sequences,
                number,
                self.muted,
                self.cut,
                progress=task,
                newest_wins="growth",
                drop_running=True,
            )
        return result

    async def structure(self) -> Structure:
        """Tree, parameter table and drawings of the chosen model."""
        with self.services.task(tr("Drawing the architecture")) as task:
            observer = await self.load(task)
            return await self.held.worker.run(work.structure, observer)

    async def describe(self, folder: Path) -> None:
        """Write all there is to say of the chosen model into a folder."""
        with self.services.task(tr("Drawing the architecture")) as task:
            observer = await self.load(task)
            await self.held.worker.run(work.describe, observer, folder)

    async def project(self) -> None:
        """Bring the sequences to the model's width."""
        if self.sequences is None:
            return
        with self.services.task(tr("Projecting sequences")) as task:
            observer = await self.load(task)
            result = await self.held.worker.run(observer.projected, self.sequences)
        self.take(result, self.path)
        await self.observe()

    # Inside -----------------------------------------------------------------------------------------------

    def _rows_of_a_glance(self, sequences: Sequences) -> list[int]:
        """A few of those that are selected, or of all."""
        rows = self.selection or list(range(len(sequences)))
        return [rows[place] for place in evenly(len(rows), GLANCE)]

    async def _observed(
        self,
        observer: Observer,
        sequences: Sequences,
        silenced: tuple[frozenset[str], frozenset[Edge]],
        progress: Progress,
    ) -> Observation:
        return await self.held.worker.run(
            work.observed,
            observer,
            sequences,
            *silenced,
            progress=progress,
            newest_wins="observe",
            drop_running=True,
        )

    def _set_ranking(self, ranking: Ranking | None) -> None:
        self.ranking = ranking
        self.ranked.emit()

    def _count_observation(self, step: int) -> None:
        """A newer one may begin before an older one ends."""
        self._observations += step
        self.observing_changed.emit()

    def _model_changed(self) -> None:
        if self.held.model is not None:
            self.loaded.emit()
