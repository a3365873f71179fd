"""A cross-validation as a run: its folder tells of each fold that was judged as a run tells of its epochs.

config.yaml   the recipe                       folds.json     what a fold leaves out, and where it computes
fold-NAME/    the run folder of a fold         events.jsonl   an epoch a fold, with what it came to
.lock, stop, log.txt  as every run's           crossval.json  what all of them came to

So whatever watches runs watches a cross-validation too, and its folds. No torch: the window reads this.
"""

from __future__ import annotations

import re
import socket
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil

from models import documents, files
from models.checkpoint import cannot_write
from models.errors import UserError
from models.model_folder import FOLDING
from models.progress import Cancelled, Progress
from models.tables import write_json
from models.training import config as configs
from models.training import events
from models.training.config import TrainingConfig
from models.training.run_folder import RunFolder

FOLD = "fold-"  # how the folders of folds begin
SUMMARY = "crossval.json"  # what the folds came to, beside their run folders
LARGEST_FOLDING = 2**16  # bytes
MOST_JOBS = 1024


@dataclass(frozen=True)
class Folding:
    """How a recipe is cross-validated.

    by: what a fold leaves out, such as ``speaker``. device: where it is trained. jobs: folds trained at once.
    """

    by: str
    device: str = "auto"
    jobs: int = 1


def folding_of(run: RunFolder) -> Folding | None:
    """How the run cross-validates; None where it is a training, or where that cannot be read."""
    path = run.path / FOLDING
    try:
        values = documents.parsed_json(files.read_bytes(path, LARGEST_FOLDING), path)
    except UserError:
        return None
    if not isinstance(values, dict) or not isinstance(values.get("by"), str):
        return None
    device, jobs = values.get("device", "auto"), values.get("jobs", 1)
    known = isinstance(device, str) and isinstance(jobs, int) and 1 <= jobs <= MOST_JOBS
    return Folding(values["by"], device, jobs) if known else Folding(values["by"])


def is_cross_validation(run: RunFolder) -> bool:
    """Whether the folder is of a cross-validation and not of a training."""
    return (run.path / FOLDING).is_file()


def whole_of(run: RunFolder) -> RunFolder | None:
    """The cross-validation of which the run is a fold; None where it is a run by itself."""
    whole = RunFolder(run.path.parent)
    return whole if run.name.startswith(FOLD) and is_cross_validation(whole) else None


def stop_files(run: RunFolder) -> tuple[Path, ...]:
    """The files each of which asks the run to stop: its own, and that of the cross-validation it is a fold of."""
    whole = whole_of(run)
    return (run.stop_file,) if whole is None else (run.stop_file, whole.stop_file)


def folds_in(run: RunFolder) -> list[RunFolder]:
    """The folds that were begun, in their order: numbers within names count as numbers."""
    try:
        begun = [RunFolder(item) for item in run.path.glob(f"{FOLD}*") if (item / "config.yaml").is_file()]
    except OSError:
        return []
    return sorted(begun, key=lambda fold: _natural(fold.name))


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def create(path: Path, system: str, config: dict[str, object], folding: Folding) -> RunFolder:
    """The folder of a cross-validation, or the one that is there if its recipe is this one.

    Raises UserError where the folder holds another recipe, or cannot be written.
    """
    run = RunFolder(path)
    try:
        if not run.config_file.is_file():
            run = RunFolder.create(path, system, config)
        elif folds_in(run) or (path / SUMMARY).is_file():
            refuse_other_recipe(run, config)
        else:  # nothing came of what was asked before
            run.change_config(**config)
        write_json(run.path / FOLDING, asdict(folding))
    except OSError as error:
        raise cannot_write(run.path, error) from error
    return run


def refuse_other_recipe(run: RunFolder, values: Mapping[str, object]) -> None:
    """Raises UserError where a run's recipe is not this one; the names of what differs are in it."""
    kept = {key: value for key, value in run.config().items() if key != "system"}
    differing = configs.changed(dict(values), kept)
    if differing:
        raise UserError(
            "{folder} holds a fold of another recipe.",
            "They differ in {names}.",
            "Choose an empty folder, or the recipe it was begun with.",
            folder=run.path,
            names=", ".join(sorted(differing)[:6]),
        )


class FoldReporter:
    """Tells the story of a cross-validation: that it began, what each fold came to, how it ended."""

    def __init__(self, run: RunFolder, system: str, device: str) -> None:
        self._run, self._system, self._device = run, system, device
        self._writer = events.EventWriter(run.events_file)
        self._began = time.monotonic()
        self._values: dict[str, list[float]] = {}
        self._told = {
            event.epoch for event in _all(run) if isinstance(event, events.Epoch)
        }  # of an earlier process
        self._count = 0

    def watched(self, progress: Progress) -> Progress:
        """The same progress, which is cancelled by the stop file too."""
        return _UntilStopped(progress, self._run.stop_file)

    def begin(self, folds: int, counts: Mapping[str, int | float | str] | None = None) -> None:
        """So many folds are to be judged; `counts` are of the data, for people."""
        process = psutil.Process()
        self._count = folds
        self._tell(
            events.Started(
                pid=process.pid,
                process_started=process.create_time(),
                host=socket.gethostname(),
                system=self._system,
                device=self._device,
                total_epochs=folds,
                total_steps=folds,
                trains=dict(counts or {}),
            )
        )

    def judged(self, fold: str, metrics: Mapping[str, float]) -> None:
        """The next fold was judged on what it had not met; its metrics by their names. Raises Cancelled where the stop
        file asks for it."""
        for name, value in metrics.items():
            self._values.setdefault(f"test/{name}", []).append(float(value))
        number = max(len(values) for values in self._values.values())
        if number in self._told:
            return
        seconds = (time.monotonic() - self._began) / max(1, number - len(self._told))
        values = {name: values[-1] for name, values in self._values.items()}
        left = seconds * (self._count - number)
        self._tell(events.Epoch(epoch=number, step=number, values=values, fold=fold, remaining_s=left))
        if number < self._count and self._run.stop_file.exists():
            raise Cancelled

    def end(self, reason: str = "completed") -> None:
        """The last word; the mean over the folds is the best value of the first metric."""
        metric = next(iter(self._values), "")
        values = self._values.get(metric, [])
        done = reason != "stopped"
        self._tell(
            events.Finished(
                reason="completed" if done else "stopped",
                epoch=len(values),
                step=len(values),
                metric=metric,
                best_value=float(np.mean(values)) if values and done else None,
            )
        )

    def fail(self, error: BaseException) -> None:
        """The last word where an error ended it."""
        if isinstance(error, UserError):
            self._tell(events.Failed.by(error))
            return
        said = UserError(
            "The cross-validation ended by an error of the program.",
            "{error}",
            "Please report it with the details below; it can be resumed.",
            error=f"{type(error).__name__}: {error}",
        )
        self._tell(events.Failed.by(said, details="".join(traceback.format_exception(error))))

    def close(self) -> None:
        """Close the story; what was told stays."""
        self._writer.close()

    def _tell(self, event: events.Event) -> None:
        try:
            self._writer.write(event)
        except OSError as error:
            raise cannot_write(self._run.path, error) from error


class _UntilStopped(Progress):
    """Hands on to another progress, and is cancelled by a file."""

    def __init__(self, whole: Progress, stop_file: Path) -> None:
        super().__init__()
        self._whole, self._stop_file = whole, stop_file

    @property
    def cancelled(self) -> bool:
        return self._whole.cancelled or self._stop_file.exists()

    def cancel(self) -> None:
        self._whole.cancel()

    def update(self, done: float, total: float, message: str = "", /, **values: object) -> None:
        if self._stop_file.exists():
            raise Cancelled
        self._whole.update(done, total, message, **values)


def _all(run: RunFolder) -> Iterator[events.Event | events.Steps]:
    reader = events.EventReader(run.events_file)
    while new := reader.read_many(steps=False):
        yield from new


@contextmanager
def cross_validation(
    folder: Path, system: str, config: TrainingConfig, folding: Folding
) -> Iterator[FoldReporter]:
    """Within, this process holds the cross-validation in `folder`, and tells its story there, the end of it too.

    Raises UserError where another process holds it, another recipe lies there, or the folder cannot be written.
    """
    run = create(Path(folder), system, config.model_dump(mode="json"), folding)
    lock = run.lock()
    lock.keep_beating()
    try:
        with suppress(OSError):
            run.stop_file.unlink()
        run.sweep()
        reporter = FoldReporter(run, system, folding.device)
        try:
            yield reporter
            reporter.end()
        except (Cancelled, KeyboardInterrupt):
            reporter.end("stopped")
            raise
        except BaseException as error:
            with suppress(UserError):  # a full disk takes the last word too; the error itself goes on
                reporter.fail(error)
            raise
        finally:
            reporter.close()
    finally:
        lock.release()
