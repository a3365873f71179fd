"""One network that decodes, with what it needs to be asked: a decoder has one of them, an ensemble several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from models import checkpoint, devices
from models.checkpoint import CheckpointInfo
from models.eeg import network
from models.eeg.ensembles import MemberConfig, is_ensemble, members_of
from models.eeg.network import UNKNOWN, Conformer, LinearDecoder, NetworkConfig
from models.loading import check_numbers, network_config
from models.progress import Progress

BATCH = 16  # windows of a long recording that are computed at once
RIM_S = 0.25  # of what a network decodes, at the end: there it knows too little of what comes


@dataclass(frozen=True)
class Reliance:
    """What a decoder relied on, by electrode, each scaled to a largest value of 1.

    saliency: float64 [channels], mean absolute gradient of the decoded power by the input (the weights' norm if linear); of an
    ensemble, whose members have an equal say, the mean of theirs.
    excitation: float64 [channels], how far squeeze-and-excitation opens the features that look at the electrode; None where
    there is none or more than one.
    gate: mean opening of v2's gate, 0 to 1; None likewise.
    """

    saliency: np.ndarray
    excitation: np.ndarray | None
    gate: float | None


class Member:
    """A network on its device, and how it was trained. rim: samples at the end of what it decodes that it knows too little of."""

    def __init__(
        self, built: Conformer | LinearDecoder, config: MemberConfig, device: torch.device, rate: int
    ) -> None:
        self.network, self.config, self.title = built.to(device).eval(), config, config.title
        self._device = device
        self._window = max(2, round(config.window_s * rate))
        self.linear = isinstance(built, LinearDecoder)
        self.rim = max(0, built.last_lag) if isinstance(built, LinearDecoder) else round(RIM_S * rate)

    def decode(
        self, eeg: np.ndarray, subject: str | None = None, progress: Progress | None = None
    ) -> np.ndarray:
        """The envelope, float32 [time], of EEG [time, channels] that is in the band and in standard deviations.

        A Conformer sees windows as long as those it was trained on, half overlapping, faded into one another.
        """
        window = self._window
        if self.linear or len(eeg) <= window:
            return self._run(eeg[None], subject)[0]
        progress = progress or Progress()
        hop = window // 2
        starts = [*range(0, len(eeg) - window, hop), len(eeg) - window]
        fade = np.hanning(window + 2)[1:-1].astype(np.float32)
        total, weight = np.zeros(len(eeg), np.float32), np.zeros(len(eeg), np.float32)
        for first in range(0, len(starts), BATCH):
            progress.update(first, len(starts), "Decoding")
            some = starts[first : first + BATCH]
            result = self._run(np.stack([eeg[s : s + window] for s in some]), subject)
            for start, item in zip(some, result, strict=True):
                total[start : start + window] += fade * item
                weight[start : start + window] += fade
        return total / weight

    def reliance(self, eeg: np.ndarray, subject: str | None = None) -> Reliance:
        """What it relies on in EEG [time, channels] as `decode` takes it."""
        if isinstance(self.network, LinearDecoder):
            saliency = self.network.weight.detach().square().sum(0).sqrt().cpu().double().numpy()
            return Reliance(_to_one(saliency), None, None)
        given = torch.from_numpy(eeg)[None].to(self._device).requires_grad_(True)
        decoded, details = self.network.details(given, self._numbers(1, subject))
        (gradient,) = torch.autograd.grad(decoded.square().sum(), given)
        saliency = gradient[0].abs().mean(0).cpu().double().numpy()
        looks = (
            next(self.network.front.convolutions.parameters()).detach().square().sum(-1).sqrt()
        )  # [width, channels]
        excitation = (details.excitation[0].detach() @ looks).cpu().double().numpy()
        gate = float(details.gate.detach().mean()) if details.gate.numel() else None
        return Reliance(_to_one(saliency), _to_one(excitation), gate)

    def _numbers(self, count: int, subject: str | None) -> torch.Tensor:
        known = ["" if name in self.config.unnamed else name for name in self.config.subjects]
        number = known.index(subject) + 1 if subject and subject in known else UNKNOWN
        return torch.full((count,), number, device=self._device)

    @torch.inference_mode()
    def _run(self, eeg: np.ndarray, subject: str | None) -> np.ndarray:
        def decoded(part: slice) -> np.ndarray:
            given = torch.from_numpy(np.ascontiguousarray(eeg[part], np.float32)).to(self._device)
            result: np.ndarray = self.network(given, self._numbers(len(given), subject)).float().cpu().numpy()
            return result

        whole = np.concatenate(list(devices.in_parts(decoded, len(eeg), len(eeg))))
        return check_numbers(whole, self.title)


def fresh(info: CheckpointInfo) -> list[Conformer | LinearDecoder]:
    """The networks that a checkpoint describes, with weights of chance. Raises UserError, or one of `loading.UNBUILDABLE`."""
    configs = [
        network_config(NetworkConfig, member.network, member.title or info.title)
        for member in members_of(info)
    ]
    return [network.build(config) for config in configs]


def opened(
    weights: Mapping[str, torch.Tensor], info: CheckpointInfo, device: torch.device, rate: int
) -> tuple[Member, ...]:
    """The members of a checkpoint, ready for use. Raises UserError, or one of `loading.UNBUILDABLE`."""
    networks = fresh(info)
    checkpoint.fit(nn.ModuleList(networks) if is_ensemble(info) else networks[0], dict(weights))
    return tuple(
        Member(built, config, device, rate) for built, config in zip(networks, members_of(info), strict=True)
    )


def together(parts: list[Reliance]) -> Reliance:
    """What several members rely on, taken together; of one, its own."""
    if len(parts) == 1:
        return parts[0]
    return Reliance(_to_one(np.mean([part.saliency for part in parts], axis=0)), None, None)


def _to_one(values: np.ndarray) -> np.ndarray:
    most = np.abs(values).max()
    return values / most if most else values
