"""Using a trained mesh: what it predicts, what every gate and module does, and what muting one of them changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from models import checkpoint, devices
from models.devices import AUTO, Device
from models.errors import UserError
from models.fingerprint import Learned
from models.loading import (
    BUNDLED,
    UNBUILDABLE,
    Choice,
    check_numbers,
    network_config,
    not_described,
    open_model,
)
from models.progress import Progress
from models.remarks import Remark
from models.reverberation import published
from models.reverberation.contents import contents
from models.reverberation.network import Edge, NetworkConfig, Output, ReverberationNet, parameter_counts
from models.reverberation.sequences import Sequences, WrongWidth, batched
from models.reverberation.wiring import PROCESSOR_NAMES, ROLE_NAMES

BATCH = 32
MOST_RANKED = 256  # sequences that roles are ranked by: twenty times they are observed
MOST_TOKENS = 40_000  # of a batch's sequences together: long ones are computed a few at a time


@dataclass(frozen=True)
class Observation:
    """What the mesh does with n sequences.

    output: float32 [n], in the targets' units. target: float32 [n] or None.
    gates: float32 [38, n], pass 1 of the roles in order, then pass 2.
    kl: float32 [45, n]: of the roles in pass 1, in pass 2, and of the processors.
    """

    output: np.ndarray
    target: np.ndarray | None
    gates: np.ndarray
    kl: np.ndarray

    def part(self, chosen: Sequence[int]) -> Observation:
        """Of these sequences alone."""
        index = np.asarray(chosen, int)
        target = None if self.target is None else self.target[index]
        return Observation(self.output[index], target, self.gates[:, index], self.kl[:, index])

    @property
    def errors(self) -> np.ndarray | None:
        """Squared errors, [n]."""
        return None if self.target is None else (self.output - self.target) ** 2

    @property
    def rms(self) -> float | None:
        """Root mean square error, in the targets' units; None without targets."""
        return None if self.errors is None else float(np.sqrt(self.errors.mean()))

    def gate(self, role: str, number: int) -> np.ndarray:
        """[n]: a role's gate in pass 1 or 2."""
        result: np.ndarray = self.gates[ROLE_NAMES.index(role) + (number - 1) * len(ROLE_NAMES)]
        return result


@dataclass(frozen=True)
class Effect:
    """What muting a role does. change: mean absolute change of the output; added_error: of the mean squared error
    (NaN without targets)."""

    role: str
    change: float
    added_error: float


class Observer:
    """A checkpoint, ready to be looked into."""

    def __init__(
        self,
        network: ReverberationNet,
        info: checkpoint.CheckpointInfo,
        device: Device,
        remarks: tuple[Remark, ...] = (),
    ) -> None:
        self.network = network.to(device.torch).eval()
        self.info, self.device, self.remarks = info, device, remarks

    @classmethod
    def load(cls, choice: Choice = BUNDLED, device: str = AUTO, progress: Progress | None = None) -> Observer:
        """`choice`: whatever `loading` opens, or a file of the first public implementation. Raises UserError, Cancelled."""
        opened = open_model(choice, "reverberation", published.imported, progress)
        values = dict(opened.info.network)
        if values.pop("kind", "mesh") != "mesh":
            raise UserError(
                "This checkpoint is a baseline, not a mesh.",
                "It has no gates to browse.",
                "Choose another checkpoint.",
            )
        title = opened.info.title
        config = network_config(NetworkConfig, values, title)
        try:
            network = ReverberationNet(config)
        except UNBUILDABLE as error:
            raise not_described(title, error) from error
        checkpoint.fit(network, opened.weights)
        return cls(network, opened.info, devices.resolve(device), opened.remarks)

    @property
    def width(self) -> int:
        return self.network.config.width

    @property
    def gating(self) -> str:
        return self.network.config.gating

    def parameters(self) -> dict[str, int]:
        """A module's number of parameters, by name."""
        return parameter_counts(self.network)

    @torch.inference_mode()
    def observe(
        self,
        sequences: Sequences,
        progress: Progress | None = None,
        muted: Iterable[str] = (),
        cut: Iterable[Edge] = (),
    ) -> Observation:
        """Every sequence by the mesh, with some roles muted or edges cut: (role, processor) is a message, (processor,
        role) feedback. Each sequence gives what it would give alone.

        Raises UserError where the sequences are not as wide as the network wants them.
        """
        self._check(sequences)
        progress = progress or Progress()
        order = np.argsort([len(item) for item in sequences.x], kind="stable")
        output = np.zeros(len(sequences), np.float32)
        gates = np.zeros((2 * len(ROLE_NAMES), len(sequences)), np.float32)
        kl = np.zeros((2 * len(ROLE_NAMES) + len(PROCESSOR_NAMES), len(sequences)), np.float32)
        done = 0
        while done < len(order):
            progress.update(done, len(order), "Observing sequences")
            size = max(
                1,
                min(
                    BATCH,
                    MOST_TOKENS // max(1, len(sequences.x[order[min(done + BATCH, len(order)) - 1]]) * 26),
                ),
            )
            chosen = order[done : done + size]

            def observed(part: slice, chosen: np.ndarray = chosen) -> None:
                result, own = self._run(sequences, chosen[part], muted, cut), chosen[part]
                output[own] = result.value.float().cpu().numpy()
                gates[:, own] = result.gates.float().cpu().numpy()
                modules = torch.cat([result.kl_roles.flatten(0, 1), result.kl_processors])
                kl[:, own] = modules.float().cpu().numpy()

            for _ in devices.in_parts(observed, len(chosen), len(chosen)):
                pass
            done += size
        return Observation(check_numbers(output, self.info.title), sequences.y, gates, kl)

    @torch.inference_mode()
    def activity(self, sequences: Sequences, number: int) -> np.ndarray:
        """Root mean square of every role's output at each step of one sequence, [2, 19, time]."""
        self._check(sequences)
        result: np.ndarray = self._run(sequences, [number], (), ()).activity[:, :, 0].float().cpu().numpy()
        return result

    def ranking(self, sequences: Sequences, progress: Progress | None = None) -> list[Effect]:
        """Every role muted in turn; the one whose muting adds most error (or changes most) first. Of more than
        `MOST_RANKED` sequences so many are taken, evenly from all."""
        progress = progress or Progress()
        if len(sequences) > MOST_RANKED:
            sequences = sequences.part(np.linspace(0, len(sequences) - 1, MOST_RANKED).astype(int))
        whole = self.observe(sequences, progress.part(0, 1 / 20))
        effects = []
        for number, role in enumerate(ROLE_NAMES):
            part = progress.part((number + 1) / 20, (number + 2) / 20)
            without = self.observe(sequences, part, muted=(role,))
            added = float("nan")
            if whole.errors is not None and without.errors is not None:
                added = float(without.errors.mean() - whole.errors.mean())
            effects.append(Effect(role, float(np.abs(without.output - whole.output).mean()), added))
        has_targets = sequences.y is not None
        return sorted(
            effects, key=lambda effect: effect.added_error if has_targets else effect.change, reverse=True
        )

    def held_out(self, sequences: Sequences) -> tuple[np.ndarray, np.ndarray]:
        """(trained on, held out) numbers of sequences, by content: whatever the file is called now.

        A checkpoint that does not say what it was trained on, and other data: (none, all). Data that was learned from
        to the last sequence: (all, all), which `TrainingOverlap` says.
        """
        learned = Learned.of(self.info.training)
        everything = np.arange(len(sequences))
        if learned is None or sequences.y is None:
            return np.arange(0), everything
        seen = learned.seen(contents(sequences), ("train",)).items
        return (np.flatnonzero(seen), np.flatnonzero(~seen)) if not seen.all() else (everything, everything)

    def projected(self, sequences: Sequences) -> Sequences:
        """Sequences of another width brought to the model's: their principal components, the largest first, with the
        mean and spread that the model knows of its features. Components that lack stay at the mean.

        It shows what the mesh does with such data, not what it predicts: it was trained on other features.
        """
        frames = np.concatenate(sequences.x).astype(np.float64)
        middle = frames.mean(0)
        values, vectors = np.linalg.eigh(np.cov(frames - middle, rowvar=False).reshape(sequences.width, -1))
        count = min(self.width, sequences.width)
        order = np.argsort(values)[::-1][:count]
        turn = vectors[:, order] / np.sqrt(np.maximum(values[order], 1e-12))
        mean = self.network.input_mean.cpu().numpy()
        scale = self.network.input_scale.cpu().numpy()
        parts = []
        for item in sequences.x:
            x = np.tile(mean, (len(item), 1))
            x[:, :count] += ((item - middle) @ turn) * scale[:count]
            parts.append(x.astype(np.float32))
        return replace(sequences, x=tuple(parts), names=())

    def _run(
        self,
        sequences: Sequences,
        chosen: Sequence[int] | np.ndarray,
        muted: Iterable[str],
        cut: Iterable[Edge],
    ) -> Output:
        x, lengths = batched(sequences, chosen)
        result: Output = self.network(
            torch.from_numpy(x).to(self.device.torch),
            None if lengths is None else torch.from_numpy(lengths).to(self.device.torch),
            muted,
            cut,
        )
        return result

    def _check(self, sequences: Sequences) -> None:
        widths = sorted({item.shape[1] for item in sequences.x})
        if widths != [self.width]:
            raise WrongWidth(
                "The sequences have {found} features, the model wants {wanted}.",
                "A model reads the features it was trained on.",
                "Project them to the model's width, or train a model on these.",
                found=", ".join(map(str, widths)),
                wanted=self.width,
            )
