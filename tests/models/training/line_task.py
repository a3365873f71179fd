"""The smallest honest task: a little network with dropout that learns a noisy function of three numbers."""

import time

import numpy as np
import torch

from models.checkpoint import CheckpointInfo
from models.training.config import TrainingConfig
from models.training.schedules import warmup_cosine_restarts
from models.training.task import Loss, RowsTask, Task


class LineConfig(TrainingConfig):
    items: int = 50
    slow_s: float = 0.0
    dropout: float = 0.1
    fits: int = 0  # items that "fit" into memory at once; 0: any number


class LineTask(Task[LineConfig]):
    system = "line"
    metric = "validation/error"
    higher_is_better = False

    def prepare(self, progress):
        generator = np.random.default_rng(0)
        x = generator.normal(size=(self.config.items + 20, 3)).astype(np.float32)
        y = np.sin(x).sum(axis=1, keepdims=True).astype(np.float32)
        n = self.config.items
        self.data = {"train": (x[:n], y[:n]), "validation": (x[n:], y[n:])}
        return {"training items": n}

    def size(self, split):
        return len(self.data[split][0])

    def network(self):
        return torch.nn.Sequential(
            torch.nn.Linear(3, 16, bias=False),  # the normalisation takes any bias away again
            torch.nn.BatchNorm1d(16),
            torch.nn.Tanh(),
            torch.nn.Dropout(self.config.dropout),
            torch.nn.Linear(16, 1),
        )

    def batch(self, split, draws):
        x, y = (part[[draw.item for draw in draws]] for part in self.data[split])
        if split == "train":
            noise = [np.random.default_rng(draw.seed).normal(size=3) * 0.01 for draw in draws]
            x = (x + np.array(noise)).astype(np.float32)
            time.sleep(self.config.slow_s)
        return torch.from_numpy(x), torch.from_numpy(y)

    def loss(self, network, batch, clock):
        x, y = batch
        if self.config.fits and len(x) > self.config.fits:
            raise torch.OutOfMemoryError("CUDA out of memory")
        value = torch.nn.functional.mse_loss(network(x), y)
        return Loss(value, len(x))

    def outputs(self, network, batch):
        x, y = batch
        return {"error": (network(x) - y).square().mean(dim=1).cpu().numpy()}

    def metrics(self, split, outputs, clock):
        return {"error": float(outputs["error"].mean()), "items": float(len(outputs["error"]))}

    def learning_rate(self, clock):
        return warmup_cosine_restarts(clock.step, clock.steps, self.config.learning_rate, warmup=5)

    def checkpoint(self, metrics):
        return CheckpointInfo(system="line", metrics=metrics)


class SummedTask(LineTask):
    """The same with a loss of all three kinds of parts: a mean, a weighted mean, a sum over the items."""

    def weights(self, items):
        return (1 + np.array(items) % 3).astype(np.float32)

    def weight(self, draws):
        return float(self.weights([draw.item for draw in draws]).sum())

    def batch(self, split, draws):
        x, y = super().batch(split, draws)
        return x, y, torch.from_numpy(self.weights([draw.item for draw in draws]))

    def loss(self, network, batch, clock):
        x, y, weights = batch
        output = network(x)
        each = (output - y).square()[:, 0]
        return Loss(
            each.mean(),
            len(x),
            {"error": each.detach().mean()},
            weighted=(weights * each).sum() / weights.sum(),
            summed=0.01 * output.square().sum(),
            totals={"size": output.detach().square().sum()},
        )

    def outputs(self, network, batch):
        return super().outputs(network, batch[:2])


class AgainstTask(RowsTask, LineTask):
    """A loss that sets every item of the batch against every other, of all processes."""

    def network(self):  # no batch statistics, which parts of a batch would not share
        return torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))

    def rows(self, network, batch):
        return {"ours": network(batch[0]), "wanted": batch[1]}

    def loss_of(self, rows, clock):
        ours, wanted = rows["ours"], rows["wanted"]
        errors = (ours - ours.T) - (wanted - wanted.T)
        return Loss(errors.square().mean() + (ours - wanted).square().mean(), len(ours))


class GrowingTask(LineTask):
    """A task whose batches change with what the epochs came to, as voices that join one after another."""

    epochs_over = 0

    def look_back(self, history):
        self.epochs_over = len(history.epochs)

    def batch(self, split, draws):
        x, y = super().batch(split, draws)
        return x, y * (1 + self.epochs_over) if split == "train" else y


TASKS = {"mean": LineTask, "sum": SummedTask, "against": AgainstTask}
