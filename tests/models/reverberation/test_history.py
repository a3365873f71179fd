"""What a run told of its gates, and wirings as files."""

import json

import numpy as np
import pytest

from models.cli import main
from models.errors import UserError
from models.resources import resource
from models.reverberation.config import ReverberationConfig
from models.reverberation.data import open_sequences, save_sequences
from models.reverberation.history import GATE_NAMES, KL_NAMES, history
from models.reverberation.observer import Observer, WrongWidth
from models.reverberation.sequences import Sequences, from_array
from models.reverberation.wiring import Wiring, documented, open_wiring, save_wiring
from models.training.config import validated
from models.training.events import Epoch
from models.training.record import Record
from models.training.run_folder import RunFolder


def test_epochs_become_rows_and_a_resumed_run_has_each_once():
    record = Record()
    for number, epoch in enumerate((1, 2, 2, 3)):
        values = {f"validation/{name}": 0.01 * i + number for i, name in enumerate((*GATE_NAMES, *KL_NAMES))}
        record.add(Epoch(epoch=epoch, step=epoch, values={**values, "validation/rmse": float(number)}))
    result = history(record.epochs)
    assert result.epochs.tolist() == [1, 2, 3]
    assert result.gates.shape == (3, 38)
    assert result.kl.shape == (3, 45)
    np.testing.assert_allclose(result.error, [0, 2, 3])
    np.testing.assert_allclose(result.gates[1, 5], 2.05)
    np.testing.assert_allclose(result.kl[0, 0], 0.38)


def test_a_baseline_told_of_no_gates():
    record = Record()
    record.add(Epoch(epoch=1, step=1, values={"validation/rmse": 1.0}))
    assert history(record.epochs) is None


def test_the_run_that_ships_belongs_to_the_model_that_ships():
    run = RunFolder(resource("samples", "reverberation", "run"))
    result = history(Record.read(run).epochs)
    info = json.loads(resource("checkpoints", "reverberation", "checkpoint.json").read_text("utf-8"))
    assert result.error.min() == pytest.approx(info["metrics"]["validation/rmse"], rel=1e-6)


def test_a_wiring_is_saved_opened_and_taken_into_a_config(tmp_path):
    own = documented().moved("viola", "stream_processor")
    path = tmp_path / "own.wiring.json"
    save_wiring(own, path)
    assert open_wiring(path) == own
    config = validated(ReverberationConfig, {"network": {"wiring": str(path)}})
    assert Wiring.model_validate(config.network.wiring) == own  # its values: the file may go
    path.write_text('{"own": {}, "reads": {}}')
    with pytest.raises(UserError, match="is not wired"):
        open_wiring(path)
    path.write_text("no json")
    with pytest.raises(UserError, match="no JSON file"):
        open_wiring(path)


@pytest.mark.parametrize("width", [5, 80])
def test_sequences_of_another_width_are_projected(width):
    observer = Observer.load("bundled", "cpu")
    random = np.random.default_rng(0)
    sequences = from_array(random.normal(3, [1 + i for i in range(width)], (6, 9, width)))
    with pytest.raises(WrongWidth, match=f"{width} features, the model wants 64"):
        observer.observe(sequences)
    result = observer.projected(sequences)
    frames = np.concatenate(result.x)
    assert frames.shape == (54, 64)
    seen = (frames - observer.network.input_mean.numpy()) / observer.network.input_scale.numpy()
    count = min(width, 53)
    np.testing.assert_allclose(seen[:, :count].std(0, ddof=1), 1, rtol=1e-3)
    assert np.isfinite(observer.observe(result).output).all()


@pytest.mark.slow
def test_a_wiring_of_ones_own_is_trained_and_reopened(tmp_path):
    own = documented().moved("viola", "stream_processor").toggled("harp", "cache_manager")
    save_wiring(own, tmp_path / "own.wiring.json")
    random = np.random.default_rng(0)
    ragged = Sequences(
        tuple(random.normal(size=(n, 5)).astype(np.float32) for n in range(2, 22)), np.arange(20.0)
    )
    save_sequences(tmp_path / "own.npz", ragged)
    run = tmp_path / "run"
    values = ["epochs=1", "batch_size=8", "network.d=16", f"network.wiring={tmp_path / 'own.wiring.json'}"]
    values.append(f"data.path={tmp_path / 'own.npz'}")
    arguments = [
        "train",
        "reverberation",
        "--preset",
        "demo",
        "--quiet",
        "--device",
        "cpu",
        "--run",
        str(run),
    ]
    assert main([*arguments, "--set", *values]) == 0
    (tmp_path / "own.wiring.json").unlink()
    observer = Observer.load(run / "best", "cpu")
    assert observer.network.wiring == own
    again = open_sequences(tmp_path / "own.npz")
    assert [len(item) for item in again.x] == list(range(2, 22))
    assert np.isfinite(observer.observe(again).output).all()
    assert len(history(Record.read(RunFolder(run)).epochs)) == 1
