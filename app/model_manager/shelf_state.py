"""The window's view of the shelf: its rows, and what is under way with them. Outlives the dialog that shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.i18n import tr, translate
from app.services import Services, ShownProgress
from models.errors import UserError
from models.hub import catalogue, fetching, shelf, speeds
from models.hub.catalogue import Entry
from models.hub.shelf import Shelved
from models.progress import Cancelled


@dataclass(frozen=True)
class Row:
    """A model of the list, one that is here, or both. speed: measured on this machine, in words, or empty."""

    name: str
    entry: Entry | None
    model: Shelved | None
    size: int
    speed: str

    @property
    def title(self) -> str:
        """For people."""
        return translate(self.entry.title) if self.entry is not None else self.name

    @property
    def system(self) -> str:
        """Which tab uses it; empty where that is not known."""
        return self.entry.system if self.entry is not None else ""

    @property
    def licence(self) -> str:
        """As its hub names it, or the list; empty where nobody says."""
        return (self.model.licence if self.model else "") or (self.entry.licence if self.entry else "")

    @property
    def restricted(self) -> bool:
        """Whether it may not be used commercially, as far as is known."""
        listed = self.entry is not None and self.entry.non_commercial
        return listed or catalogue.forbids_trade(self.licence)


class ShelfState(QObject):
    """Made once for the window. changed: rows or what is under way; failed: a UserError, and the model's name."""

    changed = Signal()
    failed = Signal(object, str)
    notified = Signal(str, str)  # heading, text: something is done

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self.rows: list[Row] = []
        self.looking = False
        self.tasks: dict[str, ShownProgress] = {}
        services.tasks_changed.connect(self.changed)

    def row(self, name: str) -> Row | None:
        """The row of that name."""
        return next((row for row in self.rows if row.name == name), None)

    # What is here -----------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Look at the disk anew, in a worker."""
        self.looking = True
        self._services.worker("models").submit(
            _rows, newest_wins="rows", done=self._take, failed=self._services.errors.report
        )

    def _take(self, rows: list[Row]) -> None:
        self.rows, self.looking = rows, False
        self.changed.emit()

    # What can be done -------------------------------------------------------------------------------------

    def download(self, name: str, agreed: bool, revision: str = "") -> None:
        """Fetch a model; one after the other, where several are asked for."""
        fetch = partial(fetching.download, name, revision=revision, agreed=agreed)
        title = tr("Downloading {name}", name=name)
        self._start(name, title, "downloads", fetch, tr("{name} is here.", name=name))

    def verify(self, name: str) -> None:
        """Hold its files to their checksums."""
        model = shelf.find(name)
        if model is not None:
            check = partial(_verify, model)
            self._start(
                name,
                tr("Checking {name}", name=name),
                "models",
                check,
                tr("{name} is as it arrived.", name=name),
            )

    def bring_in(self, path: Path) -> None:
        """Copy a model from this machine."""
        name = shelf.name_for(path)
        copy = partial(shelf.bring_in, path)
        self._start(name, tr("Copying {name}", name=name), "models", copy, tr("{name} is here.", name=name))

    def measure(self, row: Row) -> None:
        """How quick it is on this machine."""
        work = partial(_measure, row.system, row.name, self._services.device)
        self._start(
            row.name,
            tr("Measuring {name}", name=row.name),
            "models",
            work,
            tr("{name} was measured.", name=row.name),
        )

    def remove(self, name: str) -> None:
        """Delete it, or what has come of it."""
        remove = partial(_remove, name)
        self._start(
            name, tr("Deleting {name}", name=name), "models", remove, tr("{name} was deleted.", name=name)
        )

    def cancel(self, name: str) -> None:
        """Stop what is under way with a model."""
        if name in self.tasks:
            self.tasks[name].cancel()

    def _start(self, name: str, title: str, worker: str, work: Callable[..., object], done: str) -> None:
        if name not in self.tasks:
            self.tasks[name] = self._services.task(title)
            self._services.start(self._run(name, worker, work, done))

    async def _run(self, name: str, worker: str, work: Callable[..., object], done: str) -> None:
        try:
            with self.tasks[name] as task:
                await self._services.worker(worker).run(work, progress=task)
            self.notified.emit(done, "")
        except UserError as error:
            self.failed.emit(error, name)
        except Cancelled:
            pass  # what has come is kept; the row says so
        finally:
            self.tasks.pop(name, None)
            self.refresh()
            self.changed.emit()


def _rows() -> list[Row]:
    """In the worker: the list that ships, then what is here besides."""
    here = {model.name: model for model in shelf.installed()}
    listed = {entry.name: entry for entry in catalogue.entries()}
    names = [*listed, *(name for name in here if name not in listed)]
    return [
        Row(
            name,
            listed.get(name),
            here.get(name),
            _size(listed.get(name), here.get(name)),
            speeds.words_of(name),
        )
        for name in names
    ]


def _size(entry: Entry | None, model: Shelved | None) -> int:
    return model.size if model is not None else (entry.size_mb * 10**6 if entry is not None else 0)


def _verify(model: Shelved, progress: ShownProgress) -> None:
    problems = shelf.problems(model, progress)
    if problems:
        raise UserError(
            "{name} is not as it arrived.",
            "{count} of its files are missing or have changed, such as {file}.",
            "Delete it and download it again.",
            name=model.name,
            count=len(problems),
            file=problems[0][0],
        )
    if not model.files:
        raise UserError(
            "{name} came without checksums.",
            "It was downloaded by an earlier version, or copied here by hand.",
            "Delete it and download it again, and it can be checked.",
            name=model.name,
        )


def _measure(system: str, name: str, device: str, progress: ShownProgress) -> None:
    """In the worker: torch is imported here."""
    from models.measuring import measured

    measured(system, name, device, progress)


def _remove(name: str, progress: ShownProgress) -> None:
    shelf.remove(name)
