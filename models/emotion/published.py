"""Checkpoints of the code that was first published with these networks, brought in by the names of their weights.

The sizes are read off the shapes. What our networks have no place for is told, not dropped in silence.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from models import checkpoint
from models.checkpoint import CheckpointInfo
from models.emotion.config import FrontEndConfig
from models.emotion.network import NetworkConfig, build
from models.errors import UserError
from models.loading import Opened
from models.remarks import Remark

LABELS = ("angry", "happy", "neutral", "sad")  # the order in which the published code numbers them


def imported(values: Any, title: str = "") -> Opened:
    """What a foreign file holds, as ours: a state dict, perhaps in a larger dict.

    Raises UserError where it is neither of the two published networks.
    """
    state = _state(values)
    if "input_projection.weight" in state and any(name.startswith("emotion_classifier.") for name in state):
        config, names = _enhanced(state)
    elif "Utterance_net.hidden2label.weight" in state:
        config, names = _baseline(state)
    else:
        raise UserError(
            "The file is not a checkpoint of the published emotion networks.",
            "It has neither input_projection and emotion_classifier nor Utterance_net; it has {names}.",
            "Choose a file that was saved by that code.",
            names=", ".join(sorted(state)[:4]) + " …",
        )
    weights = {ours: state[theirs] for ours, theirs in names.items() if theirs in state}
    missing = sorted(theirs for theirs in names.values() if theirs not in state)
    if missing:
        raise UserError(
            "The checkpoint is not complete.",
            "It lacks {names}.",
            "Save it again from the published code.",
            names=", ".join(missing[:5]),
        )
    checkpoint.fit(build(config), weights)
    left = sorted(set(state) - set(names.values()))
    remarks: tuple[Remark, ...] = (Remark("Not used: {names}", names=", ".join(left)),) if left else ()
    if config.kind == "gru" and config.attention:
        remarks += (
            Remark(
                "Its attention was over the batch: a single utterance sees itself alone, so that attention does nothing. So it computes here, too."
            ),
        )
    front_end = FrontEndConfig(kind="hubert")
    info = CheckpointInfo(
        system="emotion",
        title=title or "imported",
        network=asdict(config),
        preprocessing={"front_end": front_end.model_dump(mode="json"), "window_s": 3.0},
        labels=list(LABELS[: config.classes])
        if config.classes <= len(LABELS)
        else [f"class {n}" for n in range(config.classes)],
        card="Imported from the published code. The order of the classes is taken to be angry, happy, neutral, sad;"
        " the features are those of HuBERT-base.\n",
    )
    return Opened(weights, info, remarks)


def _state(values: Any) -> dict[str, Tensor]:
    """The state dict in what was loaded, prefixes of wrapping taken off."""
    if isinstance(values, dict):
        for key in ("model_state_dict", "state_dict", "model"):
            if isinstance(values.get(key), dict):
                values = values[key]
                break
    if not isinstance(values, dict) or not any(isinstance(value, torch.Tensor) for value in values.values()):
        raise UserError("The file holds no weights by name.", "", "Choose a file with a state dict.")
    tensors = {str(name): value for name, value in values.items() if isinstance(value, torch.Tensor)}
    return {name.removeprefix("module."): value for name, value in tensors.items()}


def _enhanced(state: dict[str, Tensor]) -> tuple[NetworkConfig, dict[str, str]]:
    width, dim = state["input_projection.weight"].shape  # 2h
    layers = len({m[1] for name in state if (m := re.match(r"gru_layers\.(\d+)\.", name))})
    h = width // 2
    head_in = state["emotion_classifier.0.weight"].shape[1]
    fusions = {4 * h: "published", 10 * h: "full"}
    if head_in not in fusions:
        raise UserError(
            "The head of this checkpoint sees {count} features.",
            "{published} or {full} were expected for its width.",
            "It was changed after publication and cannot be imported.",
            count=head_in,
            published=4 * h,
            full=10 * h,
        )
    speakers = state.get("speaker_classifier.6.weight")
    config = NetworkConfig(
        kind="enhanced",
        feature_dim=dim,
        hidden=h,
        layers=layers,
        classes=len(state["emotion_classifier.6.weight"]),
        speakers=0 if speakers is None else len(speakers),
        fusion=fusions[head_in],
        heads=8,
        speaker_norm="speaker_norm.scale" in state or "speaker_norm.weight" in state,
        attention="self_attention.w_q.weight" in state,
    )
    names = {name: name for name in build(config).state_dict()}
    aliases = {"speaker_norm.scale": "speaker_norm.weight", "speaker_norm.shift": "speaker_norm.bias"}
    for ours, theirs in aliases.items():
        if ours in names and ours not in state:
            names[ours] = theirs
    return config, names


def _baseline(state: dict[str, Tensor]) -> tuple[NetworkConfig, dict[str, str]]:
    rows, dim = state["Utterance_net.bigru.weight_ih_l0"].shape
    layers = len(
        {m[1] for name in state if (m := re.match(r"Utterance_net\.bigru\.weight_ih_l(\d+)$", name))}
    )
    attention = "Utterance_net.matchatt.transform.weight" in state
    config = NetworkConfig(
        kind="gru",
        feature_dim=dim,
        hidden=rows // 3,
        layers=layers,
        classes=len(state["Utterance_net.hidden2label.weight"]),
        attention=attention,
        attention_over="published",
    )
    places = {
        "gru.": "Utterance_net.bigru.",
        "attention.transform.": "Utterance_net.matchatt.transform.",
        "head.": "Utterance_net.hidden2label.",
    }
    names = {}
    for ours in build(config).state_dict():
        start = next(prefix for prefix in places if ours.startswith(prefix))
        names[ours] = places[start] + ours.removeprefix(start)
    return config, names
