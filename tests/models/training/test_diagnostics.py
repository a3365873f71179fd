"""Layers looked at while they learn: gradients, movement, dead units, and where numbers stop being finite."""

import math

import pytest
import torch
from line_task import LineConfig, LineTask
from torch import nn

from models.training import diagnostics, events
from models.training.record import Record
from models.training.run_folder import RunFolder
from models.training.trainer import Trainer


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.LayerNorm(8), nn.Linear(8, 1))


def backward(net, x):
    net.zero_grad()
    net(x).square().mean().backward()


def test_norms_are_those_of_all_the_layers_parameters_and_clipping_is_undone():
    net, x = network(), torch.randn(16, 4)
    watch = diagnostics.Watch(net)
    backward(net, x)
    wanted = math.sqrt(float(net[0].weight.grad.square().sum() + net[0].bias.grad.square().sum()))
    assert watch.look().gradient[0] == pytest.approx(wanted, rel=1e-3)
    whole = float(torch.nn.utils.clip_grad_norm_(net.parameters(), 0.01))
    assert watch.look(scale=0.01 / whole).gradient[0] == pytest.approx(wanted, rel=1e-3)


def test_movement_is_relative_to_the_size_and_counted_from_the_beginning():
    net, x = network(), torch.randn(16, 4)
    watch = diagnostics.Watch(net)
    backward(net, x)
    assert watch.look().moved == [0, 0, 0]
    with torch.no_grad():
        for parameter in net[3].parameters():
            parameter.mul_(1.5)
    moved = watch.look().moved
    assert moved[:2] == [0, 0]
    assert moved[2] == pytest.approx(0.5 / 1.5, rel=1e-3)


def test_units_without_gradient_in_three_looks_are_dead():
    net, x = network(), torch.rand(16, 4)
    with torch.no_grad():
        net[0].weight[:2] = -1.0  # with inputs above 0 these two are never positive
        net[0].bias[:2] = -1.0
        net[0].weight[2:] = net[0].weight[2:].abs()
        net[0].bias[2:] = 0.1
    watch, dead = diagnostics.Watch(net), []
    for _ in range(3):
        backward(net, x)
        dead.append(watch.look().dead[0])
    assert dead == [0, 0, 0.25]
    with torch.no_grad():
        net[0].bias[0] = 10.0
    backward(net, x)
    assert watch.look().dead[0] == 0.125


def test_layers_stand_in_the_order_of_the_data_and_the_output_is_the_last_of_them():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.head, self.body, self.norm = nn.Linear(4, 1), nn.Linear(4, 4), nn.LayerNorm(4)
            self.free = nn.Parameter(torch.ones(4))

        def forward(self, x):
            return self.head(self.norm(self.body(x * self.free)))

    net = Backwards()
    watch = diagnostics.Watch(net)
    with watch.ordering(net):
        net(torch.randn(2, 4))
    assert watch.layers == ("", "body", "norm", "head")
    assert watch.layers[watch.output] == "head"
    assert watch.gains == [0, 2]
    assert diagnostics.Watch(net, "body").output == diagnostics.Watch(net).layers.index("body")


@pytest.mark.parametrize(
    ("place", "stage", "layer"),
    [
        ("weights", "weights", "3"),
        ("batch", "batch", ""),
        ("forward", "forward", "0"),
        ("loss", "loss", ""),
        ("gradient", "gradient", "3"),
    ],
)
def test_where_a_number_first_broke(place, stage, layer):
    net, x = network(), torch.rand(4, 4)
    if place == "weights":
        with torch.no_grad():
            net[3].weight[0, 0] = float("inf")
    if place == "batch":
        x[0, 0] = float("nan")
    if place == "forward":
        with torch.no_grad():
            net[0].weight.fill_(3e38)

    def loss():
        y = net(x)
        if place == "loss":
            return y.mean() * float("nan")
        if place == "gradient":
            return torch.sqrt(y.sum() * 0)  # 0, but its slope is infinite: infinity · 0
        return y.mean()

    assert diagnostics.where_it_broke(net, x, loss) == diagnostics.Broken(stage, layer)


def test_a_run_tells_of_its_layers_and_keeps_the_batch_that_broke_it(tmp_path):
    class BreaksAtSeven(LineTask):
        def batch(self, split, draws):
            x, y = super().batch(split, draws)
            self.made = getattr(self, "made", 0) + (split == "train")
            if self.made >= 8:
                x[0, 1] = float("nan")
            return x, y

    config = LineConfig(epochs=4, batch_size=10, diagnose_every=2)
    run = RunFolder.create(tmp_path / "run", "line", config.model_dump(mode="json"))
    end = Trainer(BreaksAtSeven(config), run).train()
    assert isinstance(end, events.Failed)
    assert end.cause == "unstable"
    record = Record.read(run)
    assert record.flow.layers == ("0", "1", "4")
    assert record.flow.steps == [0, 2, 4, 6]
    assert record.flow.table("ratio")[:, record.flow.output] == pytest.approx(1.0)
    assert record.flow.table("moved")[0].max() == 0 < record.flow.table("moved")[-1].min()
    assert (record.unstable.step, record.unstable.stage) == (7, "batch")
    kept = torch.load(run.path / record.unstable.kept, weights_only=True)
    assert torch.isnan(kept["batch"][0][0, 1])
    assert len(kept["draws"]) == 10
    assert "first so in the batch" in end.why


def test_looking_changes_nothing_that_is_learned(tmp_path):
    from models import checkpoint

    weights = []
    for every in (0, 1):
        config = LineConfig(epochs=2, batch_size=10, diagnose_every=every)
        run = RunFolder.create(tmp_path / f"run{every}", "line", config.model_dump(mode="json"))
        Trainer(LineTask(config), run).train()
        weights.append(checkpoint.load(run.last, "line")[0])
    for name, tensor in weights[0].items():
        torch.testing.assert_close(tensor, weights[1][name], rtol=0, atol=0)
    assert diagnostics.looks_every(10, 100_000) == 250
    assert diagnostics.looks_every(0, 100_000) == 0
