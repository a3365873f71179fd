"""An emotion model with 8-bit weights, and what that costs: its recall and words beside those of the model it was made of."""

from __future__ import annotations

from pathlib import Path

import torch

from models import checkpoint
from models.checkpoint import CheckpointInfo
from models.contract import Result
from models.datafiles import read_table
from models.devices import resolve
from models.emotion import network
from models.emotion.classifiers import OurClassifier
from models.emotion.evaluation import evaluate_with
from models.emotion.published import imported
from models.emotion.quantised import quantised
from models.emotion.recognizer import Recognizer
from models.emotion.samples import sample_list
from models.emotion.speakers import Evaluation
from models.errors import UserError
from models.loading import Choice, hub_model, network_config, open_model
from models.progress import Progress
from models.remarks import Remark, with_remarks


def write_quantised(choice: Choice, out: Path) -> tuple[Result, str]:
    """Write the model as a checkpoint folder with int8 weights, which every verb takes as it takes others.

    Both are judged on the clips that ship, and the recall of both is kept in the new checkpoint, and told: (what was
    measured, the sentence about it). Raises
    UserError for models of transformers, and for one that has such weights already.
    """
    if hub_model(choice) is not None:
        raise UserError(
            "Models of transformers are not written with 8-bit weights here.",
            "They stay as they were published.",
            "Choose a checkpoint of Polyphony.",
        )
    opened = open_model(choice, "emotion", imported)
    if opened.info.network.get("weights") == "int8":
        raise UserError("This model has 8-bit weights already.", "", "Use it as it is.")
    built = network.build(network_config(network.NetworkConfig, opened.info.network, opened.info.title))
    checkpoint.fit(built, opened.weights)
    weights = quantised(built)
    info = opened.info.model_copy(
        update={
            "title": f"{opened.info.title}, int8",
            "network": {**opened.info.network, "weights": "int8"},
        }
    )
    result: Result = {
        "folder": str(out),
        "megabytes": round(_bytes(opened.weights) / 1e6, 3),
        "megabytes_int8": round(_bytes(weights) / 1e6, 3),
    }
    before, after = _judged(opened.weights, opened.info), _judged(weights, info)
    if before is None or after is None:
        info = info.model_copy(update={"metrics": {}})
        words = "Its recall was not measured: the clips that ship have none of its emotions. `evaluate` judges it on others."
        remarks: tuple[Remark, ...] = ()
    else:
        other = int((before.predicted != after.predicted).sum())
        figures = {"sample/uar_float32": before.uar, "sample/uar": after.uar}
        info = info.model_copy(update={"metrics": figures})
        result |= {"uar": before.uar, "uar_int8": after.uar, "clips": len(after.ids), "other_words": other}
        words = (
            f"Unweighted average recall on the {len(after.ids)} clips that ship: {after.uar:.3f} with int8 weights,"
            f" {before.uar:.3f} with float32; {other} words differ."
        )
        remarks = after.remarks
    note = "\n".join([words, *map(str, remarks)])
    info = info.model_copy(update={"card": f"{opened.info.card.rstrip()}\n\n**int8 weights.** {note}\n"})
    checkpoint.save(Path(out), weights, info)
    return with_remarks(result, remarks), words


def _judged(weights: dict[str, torch.Tensor], info: CheckpointInfo) -> Evaluation | None:
    """On the clips that ship; None where they have none of its emotions."""
    there = {row["emotion"] for row in read_table(sample_list(), ("emotion",)).rows}
    if not there & set(info.labels):
        return None
    device = resolve("cpu")
    recognizer = Recognizer(OurClassifier(weights, info, device.torch), info, device)
    return evaluate_with(recognizer, "sample", Progress())[0]


def _bytes(weights: dict[str, torch.Tensor]) -> int:
    return sum(weight.numel() * weight.element_size() for weight in weights.values())
