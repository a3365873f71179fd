"""Every system on a card: its demo trains, goes on where it was, and its bundled model says what it says on a CPU."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from models import devices
from models.systems import SYSTEMS, task, training_config
from models.training import events
from models.training.config import preset
from models.training.run_folder import RunFolder
from models.training.trainer import Trainer


def trained(system, folder, device, steps=4, **values):
    """The events of a demo that was stopped after some steps."""
    config = training_config(system).model_validate(preset(system, "demo") | values)
    run = (
        RunFolder.create(folder, system, config.model_dump(mode="json"))
        if not folder.exists()
        else RunFolder(folder)
    )
    trainer = Trainer(task(system, config), run, str(device))

    def report(step, total, text="", **values):
        if text == "Training" and step >= steps:
            run.stop_file.touch()

    trainer.progress.update = report  # type: ignore[method-assign]
    end = trainer.train()
    assert end.kind == "finished", end
    return events.EventReader(run.events_file).read_new(), trainer


def losses(told):
    return [event.values["train/loss"] for event in told if isinstance(event, events.Scalars)]


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_demo_takes_the_steps_that_it_takes_on_a_cpu(card, system, tmp_path):
    _needs(system)
    there, _ = trained(system, tmp_path / "card", card)
    assert len(losses(there)) >= 4
    assert np.isfinite(losses(there)).all()
    here, _ = trained(system, tmp_path / "cpu", "cpu", 1)
    # Dropout and other noise are drawn differently on a card, so only the size of the first loss is the same.
    assert losses(there)[0] == pytest.approx(losses(here)[0], rel=0.5, abs=3)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
@pytest.mark.parametrize("system", ["separation", "eeg", "emotion", "reverberation"])
def test_half_precision_trains(card, system, precision, tmp_path):
    told, trainer = trained(system, tmp_path / "run", card, 6, precision=precision)
    assert len(losses(told)) >= 6
    moved = [event for event in told if isinstance(event, events.Scalars) and "skipped" not in event.values]
    assert moved  # the scaler found its scale
    assert all(item.isfinite().all() for item in trainer.task.bare(trainer.loop.learner.network).parameters())


def test_a_run_goes_on_where_it_was(card, tmp_path):
    trained("reverberation", tmp_path / "run", card, 3)
    told, trainer = trained("reverberation", tmp_path / "run", card, 6)
    steps = [event.step for event in told if isinstance(event, events.Scalars)]
    assert steps == sorted(set(steps))
    assert trainer.step >= 6


def _needs(system):
    if system == "search":
        pytest.importorskip("faiss")


def used(model, system):
    """What a bundled model says of a little of what ships."""
    from models.resources import resource

    if system == "emotion":
        clip = sorted(resource("samples", "emotion", "audio").glob("*.flac"))[0]
        import soundfile

        sound, _ = soundfile.read(clip, dtype="float32")
        return model.classify(sound[:48_000]).probabilities
    if system == "separation":
        sound = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
        return model.separate(sound, 16_000)
    if system == "reverberation":
        from models.reverberation.sequences import Sequences

        x = np.random.default_rng(0).normal(size=(5, 12, model.width)).astype(np.float32)
        return model.observe(Sequences(x=tuple(x))).gates
    if system == "eeg":
        eeg = np.random.default_rng(0).normal(size=(640, 64)).astype(np.float32)
        return model.decode(eeg)
    return model.encode_texts(["a red apple", "a bird in the sky"]).embeddings


TOLERANCES = {"emotion": 3e-5, "separation": 1e-4, "reverberation": 2e-4, "eeg": 1e-3, "search": 1e-4}


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_bundled_model_says_what_it_says_on_a_cpu(card, system):
    _needs(system)
    from models import systems

    result, expected = (used(systems.load(system, "bundled", item), system) for item in (str(card), "cpu"))
    np.testing.assert_allclose(result, expected, rtol=0, atol=TOLERANCES[system])


def test_memory_is_flat_over_many_jobs_and_given_back(card):
    from models import systems

    model = systems.load("reverberation", "bundled", str(card))
    used(model, "reverberation")
    before = torch.cuda.memory_allocated(card)
    for _ in range(200):
        used(model, "reverberation")
    assert torch.cuda.memory_allocated(card) <= before + 2**20
    del model
    devices.give_back()
    assert devices.memory(str(card)).ours < before


def test_parts_become_smaller_where_memory_really_ends(card):
    free = torch.cuda.mem_get_info(card)[0]

    def work(part):
        return torch.empty(part.stop - part.start, free // 3, dtype=torch.uint8, device=card).shape[0]

    assert list(devices.in_parts(work, 4, 4)) == [2, 2]


@pytest.mark.slow
def test_as_many_processes_as_cards(card, tmp_path):
    count = torch.cuda.device_count()
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(count), "-m", "models", "train",
               "reverberation", "--preset", "demo", "--set", "epochs=1", "--device", "cuda",
               "--run-folder", str(tmp_path / "run")]  # fmt: skip
    done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
