"""What a run's record means, in words, each finding with remedies as changes of the config. No torch: the window reads it.

Thresholds are rules of thumb, written next to their names; a finding says the figures it rests on, so that one can
disagree with it.
"""

from __future__ import annotations

import numpy as np

from models.training.config import TrainingConfig
from models.training.finding import Finding
from models.training.record import Flow, Record, Series

SMALL_RATIO = 0.01  # of the output layer's gradient; a healthy front layer has a tenth of it
LITTLE_MOVEMENT = 0.01  # relative to the weights' size
ENOUGH_STEPS = 200  # before that no layer is expected to have moved
DEAD_SHARE = (
    0.5  # of a layer's units, at every one of the last looks: in a healthy network many rectified units rest
)
DEAD_LOOKS = 10
EXPLODING = 20.0  # times the usual gradient norm
VANISHING = 1e-5
RISE = 1.1  # validation loss over its least, from which it counts as overfitting
NAMED_LAYERS = 3  # more are counted, not named
ENOUGH_EPOCHS = 8


def findings(record: Record, config: TrainingConfig) -> list[Finding]:
    """What there is to say about a run, the gravest first; one that says it is well where there is nothing."""
    result = [
        *_ended(record),
        *_norms(record),
        *_layers(record),
        *_curves(record, config),
        *config.judge(record),
    ]
    known = config.remedies()
    complete = [
        Finding(
            item.words, item.kind, item.level, item.values, item.remedies or tuple(known.get(item.kind, ()))
        )
        for item in result
    ]
    complete.sort(key=lambda item: item.level != "error")
    if not complete and (record.epochs or record.flow.steps):
        complete = [Finding("Nothing is out of the ordinary so far.", "well", "good")]
    return complete


def _ended(record: Record) -> list[Finding]:
    if record.unstable is not None:
        place = {
            "weights": "the weights of {layer}",
            "batch": "the batch itself",
            "forward": "the output of {layer}",
            "loss": "the loss",
            "gradient": "the gradient of {layer}",
        }[record.unstable.stage].format(layer=record.unstable.layer or "the network")
        values = {"step": record.unstable.step, "place": place, "kept": record.unstable.kept}
        return [
            Finding(
                "At step {step} a number was no longer finite, first in {place}. The batch is kept in {kept}.",
                "unstable",
                "error",
                values,
            )
        ]
    if record.failed is not None and record.failed.cause == "memory":
        return [Finding("The memory was not enough for a batch.", "memory", "error")]
    return []


def _norms(record: Record) -> list[Finding]:
    """Exploding and vanishing gradients, from the norm over all layers."""
    norms = record.steps.get("gradient_norm")
    if norms is None or len(norms) < 20:
        return []
    usual = float(np.nanmedian(norms.y))
    late = norms.y[-max(10, len(norms) // 5) :]
    high = float(np.nanpercentile(late, 95))
    if high > EXPLODING * usual and high > 10:
        return [
            Finding(
                "The gradient explodes: lately its norm reaches {high}, usually it is {usual}.",
                "exploding",
                "error",
                {"high": f"{high:.3g}", "usual": f"{usual:.3g}"},
            )
        ]
    if float(np.nanmedian(late)) < VANISHING:
        return [
            Finding(
                "The gradient vanishes: lately its norm is {norm}.",
                "vanishing",
                "error",
                {"norm": f"{float(np.nanmedian(late)):.1g}"},
            )
        ]
    return []


def _layers(record: Record) -> list[Finding]:
    flow = record.flow
    if not flow.steps or not flow.layers:
        return []
    result = []
    lately = slice(-max(3, len(flow.steps) // 5), None)
    ratio = np.nanmedian(flow.table("ratio")[lately], axis=0)
    moved = flow.table("moved")[-1]
    weighty = [i for i in range(len(flow.layers)) if i not in flow.gains]
    small = [i for i in weighty if ratio[i] < SMALL_RATIO and i != flow.output]
    if small:
        least = min(small, key=lambda i: float(ratio[i]))
        result.append(
            Finding(
                "Little gradient reaches {layers}: {least} gets {share} % of what the output layer gets. The ratio alone is no proof, for the optimizer evens out a constant scale: judge by the movement of the weights and by the figure.",
                "small gradients",
                values={
                    "layers": _names(flow, small),
                    "least": _name(flow, least),
                    "share": f"{100 * ratio[least]:.2g}",
                },
            )
        )
    still = [i for i in weighty if moved[i] < LITTLE_MOVEMENT]
    if still and flow.steps[-1] >= ENOUGH_STEPS:
        least = min(still, key=lambda i: float(moved[i]))
        result.append(
            Finding(
                "Not learning: {layers}. After {steps} steps the weights of {least} have moved by {moved} % of their size.",
                "not learning",
                values={
                    "layers": _names(flow, still),
                    "steps": flow.steps[-1],
                    "least": _name(flow, least),
                    "moved": f"{100 * moved[least]:.2g}",
                },
            )
        )
    # A unit that rests for some batches is not dead: the least share of the last looks counts.
    dead = flow.table("dead")[-DEAD_LOOKS:].min(axis=0)
    gone = [i for i in weighty if dead[i] > DEAD_SHARE]
    if gone and len(flow.steps) >= DEAD_LOOKS and flow.steps[-1] >= ENOUGH_STEPS:
        most = max(gone, key=lambda i: float(dead[i]))
        result.append(
            Finding(
                "Dead units in {layers}: {share} % of those of {most} got no gradient in the last looks.",
                "dead",
                values={
                    "layers": _names(flow, gone),
                    "most": _name(flow, most),
                    "share": f"{100 * dead[most]:.0f}",
                },
            )
        )
    return result


def _curves(record: Record, config: TrainingConfig) -> list[Finding]:
    """A loss that does not fall, overfitting, a figure that no longer gains."""
    result = []
    train = record.epochs.get("train/loss")
    if train is not None and len(train) >= ENOUGH_EPOCHS and _is_flat(train):
        result.append(
            Finding(
                "The training loss does not fall: {first} at first, {last} lately.",
                "flat",
                values={"first": f"{train.y[0]:.4g}", "last": f"{train.y[-1]:.4g}"},
            )
        )
    judged = record.epochs.get("validation/loss")
    if (
        judged is not None
        and train is not None
        and len(judged) >= ENOUGH_EPOCHS
        and len(train) == len(judged)
    ):
        least, lately = int(np.nanargmin(judged.y)), float(np.nanmedian(judged.y[-3:]))
        lowest = float(judged.y[least])
        rises = lately - lowest > (RISE - 1) * abs(lowest)
        falls = float(np.nanmedian(train.y[-3:])) < float(train.y[least])
        if rises and falls and least < len(judged) - 3:
            result.append(
                Finding(
                    "Overfitting: the validation loss was least at epoch {epoch} ({least}) and is {now} by now, while the training loss falls on.",
                    "overfitting",
                    values={
                        "epoch": round(float(judged.x[least])),
                        "least": f"{lowest:.4g}",
                        "now": f"{lately:.4g}",
                    },
                )
            )
    epochs = round(float(train.x[-1])) if train is not None and len(train) else 0
    if (
        record.best_epoch
        and epochs >= 3 * ENOUGH_EPOCHS
        and record.best_epoch <= epochs // 8
        and config.keep == "best"
    ):
        result.append(
            Finding(
                "No gain: after {epochs} epochs the best one is still epoch {best}.",
                "no gain",
                values={"epochs": epochs, "best": record.best_epoch},
            )
        )
    return result


def _is_flat(series: Series) -> bool:
    quarter = max(2, len(series) // 4)
    early, late = series.y[:quarter], series.y[-quarter:]
    noise = max(float(np.nanstd(early)), 1e-12)
    return float(np.nanmean(early) - np.nanmean(late)) < 0.02 * abs(
        float(np.nanmean(early))
    ) and noise < 0.2 * abs(float(np.nanmean(early)))


def _name(flow: Flow, place: int) -> str:
    return flow.layers[place] or "network"


def _names(flow: Flow, places: list[int]) -> str:
    named = ", ".join(_name(flow, place) for place in places[:NAMED_LAYERS])
    return named if len(places) <= NAMED_LAYERS else f"{named} (+{len(places) - NAMED_LAYERS})"
