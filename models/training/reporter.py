"""What a run tells of itself while it trains: events, pictures, the layers, the batch that broke it, TensorBoard.

Only the leading process writes; the others call the same methods, and nothing happens.
"""

from __future__ import annotations

import contextlib
import os
import platform
import socket
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import psutil
import torch
from torch import nn

from models import checkpoint as checkpoints
from models.errors import UserError
from models.training import batches, diagnostics, events, pictures
from models.training.distribution import World
from models.training.run_folder import RunFolder, write_json
from models.training.task import AnyTask, Clock, Draw

BROKEN = "broken"  # folder of the batch whose loss or gradient was no number


class Unstable(Exception):
    """A number is no longer finite; where has been told."""

    def __init__(self, error: UserError) -> None:
        super().__init__(str(error))
        self.error = error


class RunReporter:
    """Tells the story of one run. Raises UserError where its folder cannot be written."""

    def __init__(self, run: RunFolder, task: AnyTask, device: torch.device, world: World) -> None:
        self.run, self.task, self.device, self.world = run, task, device, world
        self._process = psutil.Process()
        self._board: Any = None
        self._writer: events.EventWriter | None = None
        if world.leads:
            try:
                self._writer = events.EventWriter(run.events_file)
            except OSError as error:
                raise checkpoints.cannot_write(run.path, error) from error

    def tell(self, event: events.Event) -> None:
        """Write an event into the run's folder, where there is one. Raises UserError where it cannot be written."""
        if self._writer is None:
            return
        try:
            self._writer.write(event)
        except OSError as error:
            raise checkpoints.cannot_write(self.run.path, error) from error

    def announce(
        self, counts: dict[str, int | float | str], network: nn.Module, step: int, total_steps: int
    ) -> None:
        """A process took the run up; `counts` are of its data."""
        if not self.world.leads:
            return
        from torch.utils.tensorboard import SummaryWriter

        write_json(self.run.path / "environment.json", _environment(self.device, self.world))
        self._board = SummaryWriter(str(self.run.path / "tensorboard"), purge_step=step + 1)
        self.tell(
            events.Started(
                pid=self._process.pid,
                process_started=self._process.create_time(),
                host=socket.gethostname(),
                system=self.task.system,
                device=str(self.device),
                total_epochs=self.task.config.epochs,
                total_steps=total_steps,
                first_step=step,
                parameters=sum(p.numel() for p in network.parameters()),
                processes=self.world.size,
                nodes=max(1, self.world.size // int(os.environ.get("LOCAL_WORLD_SIZE", self.world.size))),
                trains=counts,
            )
        )

    def epochs_told(self) -> set[int]:
        """The numbers of the epochs that the run has told of."""
        return {event.epoch for event in self._told() if isinstance(event, events.Epoch)}

    def has_saved(self) -> bool:
        """Whether the run has told of a state to go on from."""
        return any(isinstance(event, events.Saved) and event.name == "last" for event in self._told())

    def _told(self) -> Iterator[events.Event | events.Steps]:
        """What the run has told before, without its steps."""
        reader = events.EventReader(self.run.events_file)
        while reader.behind:
            yield from reader.read_many(steps=False)

    def close(self, end: events.Finished | events.Failed) -> None:
        """The last word; a full disk takes that too, and the log has it."""
        try:
            self.tell(end)
        except UserError as error:
            print(error, file=sys.stderr)
        if self._writer is not None:
            self._writer.close()
        if self._board is not None:
            with contextlib.suppress(OSError):  # what it could not write is in the events
                self._board.close()

    # Layers

    def look(self, watch: diagnostics.Watch, scale: float, clock: Clock) -> None:
        """One look at the layers; `scale` is what clipping did to the gradients."""
        look = watch.look(scale)
        self.tell(
            events.Flow(
                step=clock.step, epoch=clock.epoch, gradient=look.gradient, moved=look.moved, dead=look.dead
            )
        )

    def unstable(
        self, network: nn.Module, step_draws: list[list[Draw]], clock: Clock, random: torch.Tensor
    ) -> None:
        """Find out where numbers stopped being finite, keep the batch, tell both; raises `Unstable`."""
        broken, batch, draws = self._where(network, step_draws, clock, random)
        kept = f"{BROKEN}/batch.pt"
        if self.world.leads:
            (self.run.path / BROKEN).mkdir(exist_ok=True)
            named = [[draw.item, draw.seed] for draw in draws]
            values = {
                "batch": batches.plain(batch),
                "draws": named,
                "step": clock.step,
                "layer": broken.layer,
            }
            torch.save(values, self.run.path / kept)
        self.tell(
            events.Unstable(
                step=clock.step, epoch=clock.epoch, stage=broken.stage, layer=broken.layer, kept=kept
            )
        )
        raise Unstable(
            UserError(
                "The loss is no longer a number at step {step}.",
                "It was first so in {place}; the weights before it are kept, and the batch is in {kept}.",
                "Lower the learning rate, or clip the gradient more.",
                step=clock.step,
                place=_place_words(broken),
                kept=kept,
            )
        )

    def _where(
        self, network: nn.Module, step_draws: list[list[Draw]], clock: Clock, random: torch.Tensor
    ) -> tuple[diagnostics.Broken, Any, list[Draw]]:
        """The step's batches computed once more: (where, the batch that did it, its draws)."""
        torch.set_rng_state(random)  # so that dropout falls as it did
        result: tuple[diagnostics.Broken, Any, list[Draw]] | None = None
        for draws in step_draws:
            batch = self.task.to(self.task.batch("train", self.world.share(draws)), self.device)

            def loss(batch: Any = batch) -> torch.Tensor:
                return self.task.loss(network, batch, clock).value

            broken = diagnostics.where_it_broke(network, batch, loss)
            nothing = broken.stage == "gradient" and not broken.layer
            if result is None or (result[0].stage == "gradient" and not result[0].layer and not nothing):
                result = broken, batch, draws
        assert result is not None
        return result

    def histograms(self, watch: diagnostics.Watch, norm: float, step: int) -> None:
        """Gradients and weights of every layer, for TensorBoard."""
        if self._board is None:
            return
        self._board.add_scalar("Gradient/norm", norm, step)
        for name, values in watch.histograms():
            if torch.isfinite(values).all():
                self._board.add_histogram(name, values, step)

    # Epochs

    def show(self, outputs: dict[str, np.ndarray], metrics: dict[str, float], epoch: int, step: int) -> None:
        """The pictures of an epoch, and its metrics for TensorBoard."""
        if not self.world.leads:
            return
        for number, shown in enumerate(self.task.pictures(outputs) if outputs else []):
            try:
                path = pictures.save(self.run.path, epoch, number, shown)
            except OSError as error:
                raise checkpoints.cannot_write(self.run.path, error) from error
            self.tell(events.Picture(path=path, title=shown.title, epoch=epoch))
        for name, value in metrics.items():
            split, _, rest = name.partition("/")
            rest = self.task.board_names.get(rest, rest)
            self._board.add_scalar(f"{split.capitalize()}/{rest}" if rest else name, value, step)
        self._board.flush()

    def pace(self, step: int, epoch: float, steps_per_s: float) -> None:
        """How fast it goes, and how busy the graphics card is, in percent, where that can be asked."""
        use, used = None, 0.0
        if self.device.type == "cuda":
            with contextlib.suppress(
                Exception
            ):  # needs NVIDIA's management library, which may be missing or old
                use = float(torch.cuda.utilization(self.device))
            used = round(torch.cuda.memory_allocated(self.device) / 1e9, 3)
        self.tell(
            events.Pace(step=step, epoch=epoch, steps_per_s=steps_per_s, gpu_percent=use, gpu_memory_gb=used)
        )

    def memory(self) -> dict[str, float]:
        """Memory in use, in GB."""
        used = {"memory_gb": round(self._process.memory_info().rss / 1e9, 3)}
        if self.device.type == "cuda":
            used["gpu_memory_gb"] = round(torch.cuda.max_memory_allocated(self.device) / 1e9, 3)
        return used


def _place_words(broken: diagnostics.Broken) -> str:
    return {
        "weights": f"the weights of {broken.layer}",
        "batch": "the batch itself",
        "forward": f"the output of {broken.layer or 'the network'}",
        "loss": "the loss",
        "gradient": f"the gradient of {broken.layer or 'the network'}",
    }[broken.stage]


def _environment(device: torch.device, world: World) -> dict[str, Any]:
    return {
        "versions": checkpoints.versions(),
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": psutil.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
        "threads": torch.get_num_threads(),
        "processes": world.size,
        "command": sys.argv,
    }
