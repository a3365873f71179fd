"""Every stage of the five systems as a tiny run on real data: in a process of its own, or in one of several.

Usage: real_tasks.py FOLDER, where the environment says which of how many processes this is, as torchrun does. Each case
is trained in one batch and in several parts of it; runs are written to FOLDER/CASE-PARTS.

Dropout is off, and so is the noise of latents: what they draw differs from process to process, as it should. Steps are
of plain gradient descent, which moves weights as far as their gradients say; Adam would make a whole step of a
gradient that is nothing but rounding.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import torch
from PIL import Image

from models import systems
from models.datafiles import read_table
from models.training import config as configs
from models.training.distribution import leave
from models.training.run_folder import RunFolder
from models.training.trainer import Trainer

ITEMS = 17  # of an epoch: two steps of eight, and one item alone
JUDGED = 9  # validation items, where there would be hundreds
PARTS = (1, 2, 4)  # accumulation, the batch divided by it
COMMON = {"epochs": 1, "batch_size": 8, "early_stop": 0, "learning_rate": 0.02, "weight_decay": 0.0, "clip_norm": 1.0, "precision": "float32"}  # fmt: skip
EMOTION = {"kind": "enhanced", "hidden": 8, "layers": 1, "heads": 2, "stack": 4, "dropout": 0.0, "attention_dropout": 0.0, "input_norm": "level"}  # fmt: skip
MESH = {"data": {"path": "sample"}, "kl_weight": 1e-3}
VOICES = {
    "warmup_steps": 0,
    "data": {"path": "sample", "sample_rate": 8000, "segment_s": 0.25, "epoch_mixtures": ITEMS, "validation_count": 2, "test_count": 0, "fixed_mixtures": 5, "fixed_s": 0.25, "first_speakers": 2, "grow_epochs": 1},
    "network": {"filters": 16, "filter_length": 32, "bottleneck": 8, "skip": 8, "hidden": 8, "blocks": 2, "repeats": 1},
}  # fmt: skip
DECODER = {
    "data": {"path": "sample", "window_s": 3.0, "windows_an_epoch": ITEMS}, "drop_identity": 0.3,
    "network": {"kind": "conformer", "version": "v2", "width": 16, "blocks": 1, "heads": 2, "feed_forward": 16, "dropout": 0.0, "front_dropout": 0.0},
}  # fmt: skip
PAIRS = {
    "map_every": 2, "hash_rate": 0.02, "milestones": [1], "milestone_factor": 0.5, "data": {"path": "PAIRS"},
    "network": {"bits": 16, "feedforward": 16, "hidden": 16, "heads": 2, "absent": 0.5, "dropout": 0.0, "fusion_dropout": 0.0},
}  # fmt: skip
CASES = {
    "emotion": ("emotion", {"data": {"path": "sample"}, "network": EMOTION, "adversary": {"weight": 0.1, "start_epoch": 0}}),
    "emotion-published": ("emotion", {"data": {"path": "sample", "balance": "weights"}, "label_smoothing": 0.1, "network": EMOTION | {"fusion": "published"}, "adversary": {"weight": 0.1, "start_epoch": 0}}),
    "emotion-statistics": ("emotion", {"data": {"path": "sample"}, "network": EMOTION | {"statistics": True}, "adversary": {"weight": 0.0}}),
    "emotion-gru": ("emotion", {"data": {"path": "sample", "balance": "weights"}, "network": EMOTION | {"kind": "gru"}}),
    "emotion-degrees": ("emotion", {"data": {"path": "DEGREES", "balance": "weights"}, "degrees": {"weight": 1.0, "lowest": 1, "highest": 5}, "network": EMOTION, "adversary": {"weight": 0.1, "start_epoch": 0}}),
    "emotion-degrees-linear": ("emotion", {"data": {"path": "DEGREES"}, "degrees": {"weight": 0.5, "names": ["valence"], "lowest": 1, "highest": 5}, "network": EMOTION | {"kind": "linear"}}),
    "mesh": ("reverberation", MESH | {"network": {"d": 16, "gating": "routing"}}),
    "mesh-observed": ("reverberation", MESH | {"network": {"d": 16, "gating": "observed"}}),
    "separation": ("separation", VOICES | {"mixing": {"speed": 0.1, "alone": 0.3}}),
    "eeg": ("eeg", DECODER),
    "eeg-mismatch": ("eeg", DECODER | {"loss": {"kind": "match-mismatch"}}),
    "eeg-batch-norm": ("eeg", DECODER | {"network": DECODER["network"] | {"conv_norm": "batch"}}),
    "search-encoder": ("search", {"stage": "encoder", "warmup_steps": 0, "data": {"path": "CAPTIONS"}, "encoder": {"image_size": 16, "patch_size": 8, "dim": 16, "image_width": 16, "image_layers": 1, "text_width": 16, "text_layers": 1, "heads": 2, "vocabulary": 300}}),
    "search-fusion": ("search", PAIRS | {"stage": "fusion"}),
    "search-hash": ("search", PAIRS | {"stage": "hash"}),
    "search-balanced": ("search", PAIRS | {"stage": "hash", "objective": {"kind": "balanced"}}),
}  # fmt: skip
BATCH_STATISTICS = {
    "emotion-statistics",
    "mesh",
    "mesh-observed",
    "eeg-batch-norm",
}  # look at a part by itself


def write_data(folder: Path) -> None:
    """Pairs of embeddings, and pictures with captions and keywords, of which some are true of several."""
    random = np.random.default_rng(0)
    (folder / "pairs").mkdir()
    for part, count in (("train", 24), ("query", 6), ("retrieval", 24)):
        kind = random.integers(0, 3, count)
        image, text = (random.normal(size=(count, 8)).astype(np.float32) for _ in range(2))
        np.savez(folder / "pairs" / f"{part}.npz", image=image, text=text, label=np.eye(3, dtype=bool)[kind])
    (folder / "captions").mkdir()
    lines = ["path,caption"]
    for number in range(30):
        name, colour = (("red", (220, 30, 30)), ("green", (30, 200, 30)), ("blue", (30, 30, 220)))[number % 3]
        Image.new("RGB", (20, 20), tuple(int(c * 0.5 + number * 3) for c in colour)).save(
            folder / "captions" / f"{number}.png"
        )
        lines.append(f"{number}.png,{name}")
    (folder / "captions" / "captions.csv").write_text("\n".join(lines) + "\n")

    write_degrees(folder / "degrees.csv")


def write_degrees(place: Path) -> None:
    """The clips that ship, with degrees from 1 to 5 that go by the emotion; some are not known, and nobody's dominance is."""
    from models.emotion.samples import sample_list

    usual = {"angry": (4.4, 1.9), "happy": (3.9, 4.2), "neutral": (2.4, 3.0), "sad": (1.8, 2.0)}
    random, lines = np.random.default_rng(1), ["path,emotion,speaker,arousal,valence"]
    for row in read_table(sample_list(), ("path", "emotion", "speaker")).rows:
        told = np.clip(np.array(usual[row["emotion"]]) + random.normal(0, 0.4, 2), 1, 5)
        degrees = [f"{value:.3f}" if random.random() > 0.1 else "" for value in told]
        lines.append(
            ",".join([str(sample_list().parent / row["path"]), row["emotion"], row["speaker"], *degrees])
        )
    place.write_text("\n".join(lines) + "\n", "utf-8")


def made(case: str, folder: Path):
    """(system, config) of a case."""
    system, values = CASES[case]
    places = {"DEGREES": folder / "degrees.csv", "PAIRS": folder / "pairs", "CAPTIONS": folder / "captions"}
    data = values["data"] | {"path": str(places.get(values["data"]["path"], values["data"]["path"]))}
    return system, configs.validated(systems.training_config(system), COMMON | values | {"data": data})


def prepared(case: str, folder: Path):
    """The task of a case: short epochs, nothing drawn in the network, plain gradient descent."""
    from models.progress import Progress

    system, settings = made(case, folder)
    task = systems.task(system, settings)
    task.prepare(Progress())
    if system in ("emotion", "reverberation"):
        task.parts["validation"] = task.parts["validation"][:JUDGED]
    if system == "emotion" and settings.data.balance == "weights":  # the sample is balanced: make it less so
        said = task.parts["train"]
        kept = [i for i, item in enumerate(said) if item.emotion == task.labels[0] or i % 4 == 0]
        task.parts["train"] = tuple(said[i] for i in kept)
        task.features["train"] = [task.features["train"][i] for i in kept]
    network, optimizer = task.network, task.optimizer

    def quiet_network():
        built = network()
        for module in built.modules():
            if hasattr(module, "dropout") and isinstance(module.dropout, float):
                module.dropout = 0.0
            if hasattr(module, "p") and isinstance(module.p, float):
                module.p = 0.0
        return built

    def descent(built):
        groups = [{k: g[k] for k in ("params", "name") if k in g} for g in optimizer(built).param_groups]
        return torch.optim.SGD(groups, lr=settings.learning_rate)

    task.prepare = lambda progress: {}
    task.pictures, task.summary = (lambda outputs: []), (lambda history, folder: [])  # nothing to look at
    task.order = lambda generator: generator.permutation(task.size("train"))[:ITEMS]
    task.network, task.optimizer = quiet_network, descent
    return system, task


def train_all(folder: Path, cases=tuple(CASES)) -> None:
    torch.randn_like = torch.zeros_like  # the noise of latents
    torch.set_num_threads(1)
    for case in cases:
        system, task = prepared(case, folder)
        for parts in PARTS:
            task.config.accumulation, task.config.batch_size = parts, 8 // parts
            run = RunFolder(folder / f"{case}-{parts}")
            if not run.config_file.exists() and not int(os.environ.get("RANK", "0")):
                RunFolder.create(run.path, system, task.config.model_dump(mode="json"))
            end = Trainer(task, run).train()
            assert end.kind == "finished", (case, parts, end)


if __name__ == "__main__":
    train_all(Path(sys.argv[1]), tuple(sys.argv[2:]) or tuple(CASES))
    leave(0)
