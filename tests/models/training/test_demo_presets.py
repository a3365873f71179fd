"""Preset ``demo`` of every system: trains on what ships, and shows what it learns after each epoch."""

import numpy as np
import pytest

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
    shown = [event for event in told if isinstance(event, events.Picture) and event.title != "Summary"]
    assert shown
    for one in shown:
        assert pictures.load(run.path / one.path).title == one.title
