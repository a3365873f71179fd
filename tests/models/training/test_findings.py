"""What a record means in words, and what is proposed against it."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from models.cli import main
from models.emotion.config import EmotionConfig
from models.separation.config import SeparationConfig
from models.systems import SYSTEMS, training_config
from models.training import events
from models.training.config import TrainingConfig, override, preset, validated
from models.training.diagnostics import Watch
from models.training.findings import findings
from models.training.record import Record, Series
from models.training.run_folder import RunFolder


def record_of(*, gradient=(1.0, 1.0, 1.0), moved=(0.2, 0.2, 0.2), dead=(0, 0, 0), looks=10, step=100):
    record = Record()
    record.add(events.Layers(names=["front", "block", "head"], output=2))
    for look in range(looks):
        share = (look + 1) / looks
        record.add(
            events.Flow(
                step=look * step,
                epoch=look,
                gradient=list(gradient),
                moved=[m * share for m in moved],
                dead=list(dead),
            )
        )
    return record


def epochs(record, best, **curves):
    for number in range(len(next(iter(curves.values())))):
        values = {name.replace("_", "/", 1): float(curve[number]) for name, curve in curves.items()}
        record.add(
            events.Epoch(epoch=number + 1, step=10 * number + 10, values=values, best=number + 1 <= best)
        )
    return record


def norms(values):
    record = Record()
    for step, value in enumerate(values):
        record.add(
            events.Scalars(step=step + 1, epoch=(step + 1) / 10, values={"gradient_norm": float(value)})
        )
    return record


down = 1 / np.arange(1.0, 31)
CASES = {
    "small gradients": record_of(gradient=(0.0009, 0.02, 0.155)),
    "not learning": record_of(moved=(0.001, 0.1, 0.1)),
    "dead": record_of(dead=(0.6, 0, 0)),
    "exploding": norms([*np.full(90, 2.0), *np.full(10, 500.0)]),
    "vanishing": norms(np.full(50, 1e-7)),
    "flat": epochs(Record(), 30, train_loss=np.full(30, 0.7)),
    "overfitting": epochs(
        Record(), 8, train_loss=down, validation_loss=np.r_[np.linspace(1, 0.5, 8), np.linspace(0.5, 1, 22)]
    ),
    "no gain": epochs(Record(), 2, train_loss=down, validation_uar=np.full(30, 0.3)),
    "adversary": epochs(Record(), 30, train_loss=down, train_speaker_loss=np.linspace(1.5, 9, 30)),
}


@pytest.mark.parametrize("kind", CASES)
def test_each_trouble_is_found_alone_and_its_remedies_can_be_used(kind):
    config = EmotionConfig()
    result = findings(CASES[kind], config)
    assert [item.kind for item in result] == [kind]
    assert "{" not in str(result[0])
    for remedy in result[0].remedies:
        changed = override(config.model_dump(mode="json"), [f"{k}={v}" for k, v in remedy.changes.items()])
        assert validated(EmotionConfig, changed) != config


def test_separation_says_when_nothing_is_separated_and_when_masks_stay_low():
    config = SeparationConfig()
    rising = np.linspace(0.1, 6, 20)
    well = epochs(Record(), 20, train_largest_mask=np.full(20, 4.8), validation_si_sdri=rising)
    assert config.judge(well) == []
    low = epochs(Record(), 20, train_largest_mask=np.full(20, 0.9), validation_si_sdri=rising)
    assert [item.kind for item in config.judge(low)] == ["low masks"]
    poor = epochs(Record(), 20, train_largest_mask=np.full(20, 4.8), validation_si_sdri=np.full(20, 0.4))
    (result,) = config.judge(poor)
    assert "0.4 dB better" in str(result)
    for kind in ("no gain", "low masks", "flat"):
        for remedy in config.remedies()[kind]:
            changed = override(
                config.model_dump(mode="json"), [f"{k}={v}" for k, v in remedy.changes.items()]
            )
            validated(SeparationConfig, changed)


def test_a_healthy_run_is_said_to_be_well():
    record = epochs(record_of(), 30, train_loss=down, validation_loss=down * 1.1)
    assert [item.kind for item in findings(record, EmotionConfig())] == ["well"]
    assert findings(Record(), EmotionConfig()) == []


def test_the_remedies_of_emotion_are_those_of_experience():
    known = EmotionConfig().remedies()
    assert known["memory"][0].changes == {"batch_size": 16, "accumulation": 2}
    assert known["unstable"][0].changes == {"learning_rate": 1e-4, "clip_norm": 0.5}
    assert known["overfitting"][0].changes == {"network.dropout": 0.5, "weight_decay": 1e-4}
    assert known["adversary"][0].changes == {"adversary.weight": 0.01, "adversary.start_epoch": 10.0}


def test_a_loss_of_numbers_is_the_first_thing_said():
    record = record_of(dead=(0.9, 0, 0))
    record.add(events.Unstable(step=7, epoch=0.1, stage="forward", layer="block", kept="broken/batch.pt"))
    result = findings(record, EmotionConfig())
    assert [item.kind for item in result] == ["unstable", "dead"]
    assert "the output of block" in str(result[0])
    record.add(
        events.Started(
            pid=1, process_started=0, system="emotion", device="cpu", total_epochs=1, total_steps=1
        )
    )
    assert [item.kind for item in findings(record, EmotionConfig())] == ["dead"]  # taken up again


def test_the_terminal_prints_the_same(tmp_path, capsys):
    run = RunFolder.create(tmp_path / "run", "emotion", EmotionConfig().model_dump(mode="json"))
    writer = events.EventWriter(run.events_file)
    writer.write(events.Layers(names=["front", "head"], output=1))
    for step in range(4):
        writer.write(events.Flow(step=step, epoch=0, gradient=[0.001, 1.0], moved=[0.1, 0.1], dead=[0, 0]))
    writer.close()
    assert main(["diagnose", str(run.path), "--json"]) == 0
    out = capsys.readouterr().out
    told = json.loads(out.splitlines()[-1])
    assert told["findings"][0]["kind"] == "small gradients"
    assert told["layers"]["front"]["ratio"] == pytest.approx(0.001)
    assert "Little gradient reaches front" in out
    assert "--set learning_rate=0.001" in out
    assert main(["diagnose", str(tmp_path)]) == 2


def test_series_hold_arrays_and_forget_what_a_resumed_run_repeats():
    series = Series()
    for x in range(100):
        series.add(float(x), x * 2.0, step=x)
    assert len(series) == 100
    series.add(49.5, 7.0, step=50)
    assert series.x[-1] == 49.5
    assert series.y[-2:].tolist() == [98.0, 7.0]
    assert series.step[-1] == 50


def test_units_that_rest_now_and_then_are_not_called_dead():
    record = record_of(dead=(0.9, 0, 0), looks=9)
    for step, share in ((900, 0.2), (1000, 0.9), (1100, 0.9)):
        record.add(events.Flow(step=step, epoch=10, gradient=[1, 1, 1], moved=[1, 1, 1], dead=[share, 0, 0]))
    assert [item.kind for item in findings(record, TrainingConfig())] == ["well"]
    assert not [
        item
        for item in findings(record_of(dead=(0.9, 0, 0), looks=5), TrainingConfig())
        if item.kind == "dead"
    ]


@pytest.mark.parametrize(("bias", "kinds"), [(0.0, []), (-50.0, ["dead"])])
def test_units_that_rest_in_a_network_that_learns_are_not_dead_and_those_that_never_fire_are(bias, kinds):
    """As a run looks: small batches leave many rectified units of a healthy network without a gradient now and then."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    with torch.no_grad():
        network[2].bias[:24] += bias
    watch, optimizer = Watch(network), torch.optim.Adam(network.parameters(), 0.003)
    record, resting = Record(), 0.0
    record.add(events.Layers(names=list(watch.layers), output=watch.output))
    for step in range(400):
        x = torch.randn(16, 4)
        optimizer.zero_grad()
        (network(x)[:, 0] - x.prod(dim=1)).square().mean().backward()
        if step % 10 == 0:
            look = watch.look()
            resting = max(resting, look.dead[1])
            record.add(
                events.Flow(
                    step=step, epoch=step / 100, gradient=look.gradient, moved=look.moved, dead=look.dead
                )
            )
        optimizer.step()
    assert resting > 0  # some did rest in between
    assert [finding.kind for finding in findings(record, TrainingConfig()) if finding.kind == "dead"] == kinds


@pytest.mark.parametrize("system", SYSTEMS)
def test_overfitting_is_found_in_every_system_with_remedies_that_can_be_set(system):
    """By the losses that its runs tell; what is proposed is a config of the system."""
    kind = training_config(system)
    config = kind.model_validate(preset(system, "demo"))
    up = np.r_[np.linspace(1, 0.5, 10), np.linspace(0.5, 0.9, 20)]
    record = epochs(Record(), 10, train_loss=down, validation_loss=up)
    result = {item.kind: item for item in findings(record, config)}
    assert result["overfitting"].remedies
    for kind_of_finding, remedies in config.remedies().items():
        for remedy in remedies:
            made = override(config.model_dump(mode="json"), [f"{n}={v}" for n, v in remedy.changes.items()])
            assert validated(kind, made), (kind_of_finding, remedy)


@pytest.mark.parametrize(
    ("system", "changes"),
    [
        ("emotion", {"label_smoothing": 0.3}),
        ("separation", {"mixing": {"level_db": 9.0}}),
        ("reverberation", {"kl_weight": 0.5}),
        ("eeg", {"loss": {"kind": "mse"}}),
        ("search", {"objective": {"kind": "balanced"}}),
        ("search", {"batch_size": 16}),
        ("search", {"stage": "encoder"}),
    ],
)
def test_losses_that_measure_something_else_share_no_axis(system, changes):
    kind = training_config(system)
    values = preset(system, "demo")
    mixed = {
        name: values.get(name, {}) | value if isinstance(value, dict) else value
        for name, value in changes.items()
    }
    plain, changed = kind.model_validate(values), kind.model_validate(values | mixed)
    assert plain.loss_scale("train")
    assert plain.loss_scale("train") != changed.loss_scale("train")


def test_eeg_has_remedies_of_its_own():
    known = training_config("eeg")().remedies()
    assert known["small gradients"][0].changes == {"learning_rate": 2e-4, "network.gradient_scale": 3.0}
    steadier = {"learning_rate": 5e-5, "network.gradient_scale": 1.5, "clip_norm": 1.0}
    assert known["unstable"][0].changes == steadier
