"""Degrees that are learned beside classes: read from tables, agreement as Lin has it, a training from data to evaluation."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from models import audio
from models.emotion import commands, data
from models.emotion.concordance import concordance, concordances, degrees_of
from models.emotion.config import EmotionConfig
from models.emotion.corpora import Utterance
from models.emotion.crossvalidation import summed_up
from models.emotion.degrees_config import DegreesConfig
from models.emotion.losses import concordance_loss
from models.emotion.person import Person
from models.emotion.recognizer import Recognizer
from models.emotion.samples import sample_list
from models.emotion.task import EmotionTask
from models.emotion.tasks import TASK
from models.errors import UserError
from models.progress import Progress
from models.training.config import validated
from models.training.run_folder import RunFolder
from models.training.trainer import Trainer

USUAL = {"angry": (4.4, 1.9), "happy": (3.9, 4.2), "neutral": (2.4, 3.0), "sad": (1.8, 2.0)}


def lin(x, y):
    """By Pearson's correlation and the two deviations, as Lin writes it too."""
    r, sx, sy = np.corrcoef(x, y)[0, 1], x.std(), y.std()
    return 2 * r * sx * sy / (sx**2 + sy**2 + (x.mean() - y.mean()) ** 2)


def test_agreement_is_lins():
    random = np.random.default_rng(0)
    x = random.random((40, 2))
    y = np.clip(x + random.normal(0, 0.2, x.shape) + 0.1, 0, 1)
    expected = [lin(x[:, number], y[:, number]) for number in range(2)]
    assert [concordance(x[:, number], y[:, number]) for number in range(2)] == pytest.approx(expected)
    loss = concordance_loss(torch.tensor(y), torch.tensor(x))
    assert float(loss) == pytest.approx(1 - np.mean(expected), abs=1e-5)
    assert concordance(x[:, 0], x[:, 0]) == pytest.approx(1)
    assert concordance(x[:, 0], 1 - x[:, 0]) < 0
    assert concordance(x[:, 0], x[:, 0] + 0.3) < 0.9  # a shift is no agreement


def test_what_is_not_known_is_left_out():
    x, y = np.array([0.1, np.nan, 0.5, 0.9]), np.array([0.2, 0.9, 0.4, 0.7])
    expected = lin(x[[0, 2, 3]], y[[0, 2, 3]])
    assert concordance(x, y) == pytest.approx(expected)
    told = torch.tensor(np.stack([y, y], 1), requires_grad=True)
    loss = concordance_loss(told, torch.tensor(np.stack([x, np.full(4, np.nan)], 1)))
    assert float(loss) == pytest.approx((1 - expected) / 2, abs=1e-5)
    loss.backward()
    assert told.grad[1].tolist() == [0, 0]
    assert not told.grad[:, 1].any()
    assert np.isnan(concordance(x[:2], y[:2]))
    (found,) = concordances(["valence"], x[:, None], y[:, None], ["a", "a", "b", "b"])
    assert (found.n, np.isnan(found.by_speaker["a"])) == (3, True)
    assert found.by_speaker["b"] == pytest.approx(lin(x[2:], y[2:]))


def listed(place, column="arousal"):
    """The clips that ship, with degrees from 1 to 5 that go by their emotion; one cell is empty."""
    random = np.random.default_rng(1)
    with open(sample_list(), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with open(place, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "emotion", "speaker", column, "valence"])
        for number, row in enumerate(rows):
            told = np.clip(np.array(USUAL[row["emotion"]]) + random.normal(0, 0.3, 2), 1, 5).round(3)
            degrees = ["", told[1]] if number == 3 else told
            writer.writerow([sample_list().parent / row["path"], row["emotion"], row["speaker"], *degrees])
    return place


@pytest.mark.parametrize("column", ["arousal", "activation"])
def test_a_table_has_degrees(tmp_path, column):
    dataset = data.open_dataset(listed(tmp_path / "spoken.csv", column))
    with_both = [u for u in dataset.utterances if len(u.degrees) == 2]
    assert len(with_both) == len(dataset.utterances) - 1
    assert [name for name, _ in with_both[0].degrees] == ["arousal", "valence"]
    assert dataset.degree_scale is None


def test_a_degree_that_is_no_number_leaves_its_line_out(tmp_path):
    place = listed(tmp_path / "spoken.csv")
    lines = place.read_text().splitlines()
    lines[1] = lines[1].rpartition(",")[0] + ",much"
    place.write_text("\n".join(lines))
    (skipped,) = data.open_dataset(place).skipped
    assert str(skipped.reason) == "Line 2 has an arousal, valence or dominance that is not a number."


def settings(place, **degrees):
    return validated(
        EmotionConfig,
        {
            "epochs": 30, "batch_size": 64, "learning_rate": 0.01, "early_stop": 0, "warmup_steps": 0, "schedule": "constant",
            "data": {"path": str(place), "validation_speakers": ["13", "03"], "balance": "none"},
            "network": {"kind": "linear", "dropout": 0.0}, "augment": {"scenes": 0},
            "degrees": {"weight": 1.0, "lowest": 1, "highest": 5} | degrees,
        },
    )  # fmt: skip


def test_degrees_that_the_data_lacks_are_not_asked_for_in_silence(tmp_path):
    with pytest.raises(UserError, match="has no degrees of arousal, valence, dominance") as caught:
        TASK(settings("sample")).prepare(Progress())
    assert "weight of degrees to 0" in str(caught.value)
    place = listed(tmp_path / "spoken.csv")
    with pytest.raises(UserError, match="has no degrees of dominance"):
        TASK(settings(place, names=["valence", "dominance"])).prepare(Progress())
    with pytest.raises(UserError, match="expected from 0 to 1"):
        TASK(settings(place, lowest=0, highest=1)).prepare(Progress())
    with pytest.raises(UserError, match="is not below"):
        settings(place, lowest=5)
    with pytest.raises(UserError, match="age is none of arousal"):
        settings(place, names=["age"])


def test_degrees_lie_between_nothing_and_one_what_is_not_told_is_not_known():
    told = (Utterance(Path("a.wav"), "sad", "1", degrees=(("valence", 1.5),)),)
    assert degrees_of(told, ("arousal", "valence"), 1.0, 5.0).tolist() == [
        [pytest.approx(np.nan, nan_ok=True), 0.125]
    ]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("degrees")
    config = settings(listed(folder / "spoken.csv"))
    run = RunFolder.create(folder / "run", "emotion", config.model_dump(mode="json"))
    assert Trainer(TASK(config), run).train().kind == "finished"
    return run


def test_a_training_agrees_with_listeners_more_and_more(trained):
    from models.training.record import Record

    epochs = Record.read(trained).epochs
    for name in ("arousal", "valence"):
        curve = epochs[f"validation/ccc_{name}"].y
        assert max(curve) > max(0.3, curve[0] + 0.1), name
    assert "validation/ccc_dominance" not in epochs


def test_what_it_has_learned_is_used_and_judged(trained, tmp_path):
    recognizer = Recognizer.load(trained.best, "cpu")
    assert recognizer.dimensions == ("arousal", "valence")
    clip = next(sample_list().parent.glob("audio/*.flac"))
    prediction = recognizer.recognize(clip)
    assert prediction.mean_dimensions.shape == (2,)
    somebody = Person()
    somebody.hear(prediction.functionals[0] + 1.0, 20.0)
    assert not np.allclose(recognizer.against(prediction, somebody).dimensions, prediction.dimensions)
    window = audio.read(clip)
    apart = [recognizer.classify(window, person).dimensions for person in (None, Person())]
    assert not np.allclose(*apart)  # who has spoken is known by it
    result = commands.evaluate(
        trained.best, trained.path.parent / "spoken.csv", tmp_path / "out", device="cpu"
    )
    assert [item["name"] for item in result["degrees"]] == ["arousal", "valence"]
    with open(tmp_path / "out" / "items.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    spoken = [row for row in rows if row["true_arousal"]]
    assert len(spoken) == len(rows) - 1 == result["degrees"][0]["n"]
    truth, told = (np.array([float(row[name]) for row in spoken]) for name in ("true_arousal", "arousal"))
    assert result["degrees"][0]["ccc"] == pytest.approx(lin(truth, told), abs=1e-4)
    of_speaker = [row["speaker"] == rows[0]["speaker"] for row in spoken]
    expected = lin(truth[of_speaker], told[of_speaker])
    assert result["degrees"][0]["by_speaker"][rows[0]["speaker"]] == pytest.approx(expected, abs=1e-4)
    heading = (tmp_path / "out" / "speakers.csv").read_text("utf-8-sig").splitlines()[0]
    assert heading.endswith(",ccc_arousal,ccc_valence")
    summed = summed_up([{"fold": row["speaker"], **row} for row in rows], list(recognizer.labels))
    assert summed["ccc"]["arousal"][""] == pytest.approx(lin(truth, told), abs=1e-4)


def test_a_checkpoint_whose_degrees_do_not_fit_is_refused(trained, tmp_path):
    place = tmp_path / "changed"
    shutil.copytree(trained.best, place)
    described = json.loads((place / "checkpoint.json").read_text())
    for changes in (
        {"dimensions": ["arousal"]},
        {"dimensions": 2},
        {"degree_scale": [5, 1]},
        {"degree_scale": "x"},
    ):
        preprocessing = described["preprocessing"] | changes
        (place / "checkpoint.json").write_text(json.dumps(described | {"preprocessing": preprocessing}))
        with pytest.raises(UserError, match=r"of 2 outputs|on the scale"):
            Recognizer.load(place, "cpu")


def test_classes_alone_are_as_before():
    config = EmotionConfig()
    assert config.degrees == DegreesConfig()
    assert type(TASK(config)) is EmotionTask
