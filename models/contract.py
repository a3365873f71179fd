"""What a system is: a typed value, the same for all, from which terminal, window and notebook take what they offer.

A system's package has a module ``system`` with a value ``SYSTEM``. It is imported for the system's name, settings and
presets, and so imports no torch; what computes is behind `System.capabilities`, which imports it when first asked for.

Every verb of the command line is one field of `Capabilities`. A system that has no such thing says why, as a `Refusal`:
then the verb ends in these words before anything is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from models.errors import UserError
from models.loading import Choice, Importer
from models.progress import Progress
from models.settings import Options
from models.training.config import TrainingConfig

if TYPE_CHECKING:
    from models.checkpoint import CheckpointInfo
    from models.devices import Device
    from models.remarks import Remark
    from models.training.task import Task

Result = dict[str, Any]  # plain values: what ``--json`` prints
Paths = Sequence[str | Path]
Function = TypeVar("Function", bound=Callable[..., Any])


class UsableModel(Protocol):
    """What every class for use has. remarks: what had to be assumed to open it."""

    @property
    def info(self) -> CheckpointInfo: ...

    @property
    def device(self) -> Device: ...

    @property
    def remarks(self) -> Sequence[Remark]: ...


class Load(Protocol):
    """Open a model for use. choice: see `models.loading`. Raises UserError, Cancelled."""

    def __call__(
        self, choice: Choice = ..., device: str = ..., progress: Progress | None = ...
    ) -> UsableModel: ...


class Use(Protocol):
    """Apply a model to files and write the result to `out`; options: of the system's `use_options`."""

    def __call__(
        self,
        choice: Choice,
        inputs: Paths,
        out: str | Path,
        options: Any,
        device: str = ...,
        progress: Progress | None = ...,
    ) -> Result: ...


class Evaluate(Protocol):
    """The metrics of a model on labelled data; with `out`, also as files in that folder."""

    def __call__(
        self,
        choice: Choice,
        data: str | Path,
        out: str | Path | None,
        options: Any,
        device: str = ...,
        progress: Progress | None = ...,
    ) -> Result: ...


class CrossValidate(Protocol):
    """Train a fold a group and judge each on those it never met; folds are run folders below `folder`."""

    def __call__(
        self,
        config: Any,
        data: str | Path | None,
        /,
        by: str = ...,
        folder: Path = ...,
        device: str = ...,
        jobs: int = ...,
        progress: Progress | None = ...,
    ) -> Result: ...


class Describe(Protocol):
    """Print layers and parameters, of a model or else of the default preset; with `out`, draw and write them there."""

    def __call__(self, choice: Choice | None, out: str | Path | None) -> Result: ...


class Export(Protocol):
    """Write a model in another program's format."""

    def __call__(self, choice: Choice, out: Path) -> Result: ...


class Ensemble(Protocol):
    """Write a checkpoint that holds several models, whose outputs are averaged."""

    def __call__(self, choices: Sequence[Choice], out: Path) -> Result: ...


class LearningCurve(Protocol):
    """How the validation metric grows with the minutes of training data; one run folder a point below `folder`."""

    def __call__(
        self,
        config: Any,
        minutes: Sequence[float],
        folder: Path,
        device: str = ...,
        progress: Progress | None = ...,
    ) -> Result: ...


@dataclass(frozen=True)
class Refusal:
    """Why a system does not offer something, and what to do instead: two sentences."""

    why: str
    remedy: str = ""


NO_LEARNING_CURVE = Refusal(
    "How much training data it takes is drawn of EEG decoders alone.",
    "Train on parts of the data, and compare the runs.",
)

NO_ENSEMBLE = Refusal(
    "What several models give is averaged of EEG decoders alone.",
    "Compare the models with evaluate, and use the better one.",
)


@dataclass(frozen=True)
class Capabilities:
    """What a system can do. Only what every system can do has no refusal.

    importer: brings in a file of another program; import_data: other files than weights that it brings in.
    extra: verbs of this system alone, by their names.
    """

    task: Callable[[Any], Task[Any]]
    load: Load
    use: Use
    evaluate: Evaluate
    describe: Describe
    crossval: CrossValidate | Refusal
    importer: Importer | Refusal
    export: Export | Refusal
    import_data: Callable[[Path, Path], Result] | None = None
    learning_curve: LearningCurve | Refusal = field(default_factory=lambda: NO_LEARNING_CURVE)
    ensemble: Ensemble | Refusal = field(default_factory=lambda: NO_ENSEMBLE)
    extra: Mapping[str, Callable[..., Result]] = field(default_factory=dict)


@dataclass(frozen=True)
class System:
    """One of the systems. use_options, evaluate_options: the flags of ``use`` and ``evaluate``.

    crossval_by: what a fold of its cross-validation can leave out, the usual one first; empty where it has none.
    """

    name: str
    title: str
    config: type[TrainingConfig]
    load_capabilities: Callable[[], Capabilities]
    use_options: type[Options] = Options
    evaluate_options: type[Options] = Options
    crossval_by: tuple[str, ...] = ()

    @cached_property
    def capabilities(self) -> Capabilities:
        """Imports torch and the system's own modules."""
        return self.load_capabilities()


def offered(system: System, verb: str, capability: Function | Refusal) -> Function:
    """The capability, or a UserError with the system's refusal."""
    if isinstance(capability, Refusal):
        raise UserError(
            "{title} has no {verb}.", capability.why, capability.remedy, title=system.title, verb=verb
        )
    return capability
