"""Preset ``demo`` of every system: trains on what ships, and shows what it learns after each epoch."""

import numpy as np
import pytest

from models import checkpoint
from models.fingerprint import Fingerprint, Learned
from models.systems import SYSTEMS, task, training_config
from models.training import events, pictures
from models.training.config import preset
from models.training.run_folder import RunFolder
from models.training.trainer import Trainer


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
def test_an_epoch_of_the_demo_leaves_figures_and_pictures(system, tmp_path):
    config = training_config(system).model_validate(preset(system, "demo") | {"epochs": 1})
    run = RunFolder.create(tmp_path / "run", system, config.model_dump(mode="json"))
    trained = task(system, config)
    assert Trainer(trained, run).train().reason == "completed"
    told = events.EventReader(run.events_file).read_new()
    epoch = next(event for event in told if isinstance(event, events.Epoch))
    assert np.isfinite(epoch.values[trained.metric])
    assert np.isfinite(epoch.values["validation/loss"]), "by it and the training loss, overfitting is seen"
    told_of = checkpoint.read_info(run.best, system).training
    learned, parts = Learned.of(told_of), trained.contents()
    assert not Fingerprint.of(config.model_dump(mode="json"), parts).differs(told_of["fingerprint"])
    assert learned.seen(parts["train"]).items.all()
    assert not learned.seen(parts["validation"], ("train",)).items.any()
    assert 0 < len(parts["train"].items) < 1.01 * len(set(parts["train"].items))
    if "test" in parts:
        assert not learned.seen(parts["test"]).items.any()
    shown = [event for event in told if isinstance(event, events.Picture) and event.title != "Summary"]
    assert shown
    for item in shown:
        assert pictures.load(run.path / item.path).title == item.title
