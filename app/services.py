"""What the tabs share: settings, workers, the status line, tasks, sending to one another, training."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from app.errors import Errors
from app.i18n import tr, tr_step
from app.settings import Key, Settings
from app.workers import Worker
from models.errors import UserError
from models.progress import Cancelled, Progress, Step

if TYPE_CHECKING:
    from types import TracebackType

    from PySide6.QtWidgets import QDialog

    from app.training.runs import Runs
    from app.training.watched import WatchedRun
    from models.devices import DeviceInfo, Memory


MEMORY_MS = 2000  # between two looks at the memory of the graphics card

Model = TypeVar("Model")


class ShowsErrors(Protocol):
    """Where an error is shown: a tab, or the window."""

    def show_error(self, error: BaseException) -> None:
        """Show a UserError in its own words, and report anything else as an error of the program."""
        ...


class ShownProgress(Progress):
    """Progress that the status line shows, with Cancel. A context manager: it is shown while it is open.

    `update` may be called from any thread and as often as you like: the window looks at the newest.
    """

    def __init__(self, services: Services, title: str) -> None:
        super().__init__(self._report_step)
        self.title = title
        self.step = Step(0, 0)
        self.began = time.monotonic()
        self._services = services
        self._told = False

    def _report_step(self, step: Step) -> None:
        self.step = step
        if not self._told:  # one signal under way is enough
            self._told = True
            self._services._stepped.emit(self)

    def text(self) -> str:
        """What it does now, for people: its last sentence, or its title."""
        return tr_step(self.step) if self.step.message else self.title

    def cancel(self) -> None:
        super().cancel()
        self._services.tasks_changed.emit()

    def __enter__(self) -> ShownProgress:
        self._services._open(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._services._close(self)


class Services(QObject):
    """One for the window, handed to every tab."""

    tasks_changed = Signal()
    status_changed = Signal()
    device_changed = Signal(str)  # the person chose another; what is loaded should move
    recent_changed = Signal()
    sent = Signal(str, object)  # system, payload
    models_wanted = Signal(str)  # system: its models are to be shown in the manager
    answered = Signal(str, object)  # system, payload; what was sent before has come to something
    relay_asked = Signal(object)  # Path of a recording that is to go through all systems
    _stepped = Signal(object)

    def __init__(self, settings: Settings | None = None, errors: Errors | None = None) -> None:
        super().__init__()
        self.settings = settings or Settings(parent=self)
        self.errors = errors or Errors(self)
        self.tasks: list[ShownProgress] = []
        self.device_used = ""
        self.device_note = ""
        self.memory_text = ""
        self.latency = ""
        self._statuses: dict[str, str] = {}
        self._workers: dict[str, Worker] = {}
        self._jobs: dict[asyncio.Task[Any], ShowsErrors | None] = {}  # and who is told of their errors
        self._runs: Runs | None = None
        self._devices: list[DeviceInfo] = []
        self._offline_from_outside = "HF_HUB_OFFLINE" in os.environ
        self._stepped.connect(self._on_step, Qt.ConnectionType.QueuedConnection)
        self._memory_timer = QTimer(self)
        self._memory_timer.setInterval(MEMORY_MS)
        self._memory_timer.timeout.connect(self._look_at_memory)
        self.settings.changed.connect(self._setting_changed)
        self._setting_changed(str(Key.OFFLINE))

    # Work -------------------------------------------------------------------------------------------------

    def worker(self, name: str) -> Worker:
        """The worker of that name, made when first asked for and closed with the window."""
        if name not in self._workers:
            self._workers[name] = Worker(name, parent=self)
        return self._workers[name]

    async def load(
        self, name: str, loader: Callable[..., Model], *arguments: Any, progress: Progress | None = None
    ) -> Model:
        """`Worker.load` in the worker of that name, torch held to the number of threads that was chosen."""

        def load(*given: Any, **more: Any) -> Model:
            from models import devices

            # Left to itself torch takes every core: the window would stutter, and beside a training run the threads
            # would wait for one another.
            devices.use_threads(self.settings.threads or max(1, (os.cpu_count() or 2) - 1))
            return loader(*given, **more)

        return await self.worker(name).load(load, *arguments, progress=progress)

    def start(
        self,
        work: Coroutine[Any, Any, Any],
        owner: ShowsErrors | None = None,
        until: QDialog | None = None,
    ) -> asyncio.Task[Any]:
        """Run a coroutine. What it raises is shown by `owner` if a person caused it, else it is an error of ours.

        until: the dialog it works for; it is given up when that is closed.
        """
        job = asyncio.get_running_loop().create_task(work)
        self._jobs[job] = owner
        job.add_done_callback(lambda done: self._ended(done, owner))
        if until is not None:
            until.finished.connect(lambda _result: job.cancel())
            until.destroyed.connect(lambda _dialog: job.cancel())
        return job

    def task(self, title: str) -> ShownProgress:
        """``with services.task(tr("Reading files")) as task:`` shows progress and Cancel in the status line."""
        return ShownProgress(self, title)

    def running_loop(self) -> bool:
        """Whether coroutines can run: true in the program, false in a bare widget test."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return False
        return True

    async def give_up(self, wanted: Callable[[ShowsErrors | None], bool], timeout_s: float = 1.0) -> None:
        """Cancel what runs for those owners, and wait until it has ended."""
        own = asyncio.current_task()
        jobs = [job for job, owner in self._jobs.items() if job is not own and wanted(owner)]
        for job in jobs:
            job.cancel()
        if jobs:
            await asyncio.wait(jobs, timeout=timeout_s)

    async def close(self, timeout_s: float = 1.0) -> None:
        """Cancel what runs and end the threads."""
        await self.give_up(lambda _owner: True, timeout_s)
        self.close_workers(timeout_s)

    def close_workers(self, timeout_s: float = 1.0) -> None:
        """Cancel what runs and end the threads; waits at most `timeout_s` seconds for each of them."""
        self._memory_timer.stop()
        for worker in self._workers.values():
            worker.cancel_all()
        for worker in self._workers.values():
            worker.close(timeout_s)
        if self._runs is not None:
            self._runs.close()

    # Device -----------------------------------------------------------------------------------------------

    @property
    def device(self) -> str:
        """The person's choice: ``auto``, ``cpu``, ``cuda:0`` … What it comes to, `models.devices.resolve` says."""
        return self.settings.device

    def report_device(self, name: str, note: str = "", memory: str = "") -> None:
        """A model was loaded on `name`; `note` says why where it is not what was chosen (translated)."""
        self.device_used, self.device_note, self.memory_text = name, note, memory
        self.status_changed.emit()
        if name.startswith("cuda"):
            self._look_at_memory()
            self._memory_timer.start()
        else:
            self._memory_timer.stop()

    def _look_at_memory(self) -> None:
        """Of the card that computes, from time to time; asked for in a worker, since a busy card lets one wait."""
        from models import devices

        self.worker("machine").submit(
            devices.memory, self.device_used, newest_wins="memory", done=self._tell_memory
        )

    def _tell_memory(self, memory: Memory | None) -> None:
        if memory is not None:
            words = tr(
                "{used} of {total} GB", used=f"{memory.used / 2**30:.1f}", total=f"{memory.total / 2**30:.0f}"
            )
            if words != self.memory_text:
                self.memory_text = words
                self.status_changed.emit()

    async def devices(self) -> list[DeviceInfo]:
        """The machine's processors, asked for in a worker since torch has to be imported for it; then known."""
        if not self._devices:
            from models import devices

            self._devices = await self.worker("machine").run(devices.available)
        return self._devices

    # Status line ------------------------------------------------------------------------------------------

    def set_status(self, system: str, text: str) -> None:
        """The tab's sentence in the status line, such as ``listening · 3.0 s window every 0.5 s``."""
        if self._statuses.get(system) != text:
            self._statuses[system] = text
            self.status_changed.emit()

    def status(self, system: str) -> str:
        """What `set_status` was last told of a system; empty where it was told nothing."""
        return self._statuses.get(system, "")

    def set_latency(self, text: str) -> None:
        """What the status line says of the time between sound and result (translated); empty: nothing is live."""
        if text != self.latency:
            self.latency = text
            self.status_changed.emit()

    # Between tabs -----------------------------------------------------------------------------------------

    def send(self, system: str, payload: object) -> None:
        """Show another tab and hand it `payload` (see its `receive`)."""
        self.sent.emit(system, payload)

    def add_recent(self, paths: list[Path]) -> None:
        """Put files or folders that were opened first in the list of recent ones, which is kept for the next start."""
        self.settings.add_recent(paths)
        self.recent_changed.emit()

    @property
    def training(self) -> Runs:
        """The runs: ``launch(system)``, and the signal ``use_checkpoint(system, path)``."""
        if self._runs is None:
            from app.training.runs import Runs  # reads pydantic, which the first picture need not wait for

            self._runs = Runs(self.settings, self)
        return self._runs

    def living_runs(self) -> list[WatchedRun]:
        """The runs whose process is alive; none where nobody has looked at runs yet."""
        return [] if self._runs is None else self._runs.living()

    # Inside -----------------------------------------------------------------------------------------------

    def _ended(self, job: asyncio.Task[Any], owner: ShowsErrors | None) -> None:
        self._jobs.pop(job, None)
        if job.cancelled():
            return
        error = job.exception()
        if error is None or isinstance(error, Cancelled):
            return
        if isinstance(error, UserError) and owner is not None:
            owner.show_error(error)
        else:
            self.errors.report(error)

    def _setting_changed(self, key: str) -> None:
        if key == Key.OFFLINE and self.settings.offline:
            os.environ["HF_HUB_OFFLINE"] = "1"
        elif key == Key.OFFLINE and not self._offline_from_outside:
            os.environ.pop("HF_HUB_OFFLINE", None)

    def _open(self, task: ShownProgress) -> None:
        self.tasks.append(task)
        self.tasks_changed.emit()

    def _close(self, task: ShownProgress) -> None:
        if task in self.tasks:
            self.tasks.remove(task)
        self.tasks_changed.emit()

    @Slot(object)
    def _on_step(self, task: ShownProgress) -> None:
        task._told = False
        self.tasks_changed.emit()
