"""Judging decoders: evaluation, cross-validation, the peer library, and what the bundled ones are worth."""

import json

import numpy as np
import pytest

from models import checkpoint
from models.eeg import attended, data, evaluation, linear, scores, splits
from models.eeg.config import EEGConfig
from models.eeg.correlation import pearson
from models.eeg.decoder import Decoder
from models.eeg.samples import located
from models.loading import bundled_names, checkpoint_folder
from models.progress import Progress
from models.training.config import preset, validated
from tests.models.eeg.helpers import TINY, run


@pytest.mark.slow
def test_evaluation_tells_subjects_apart(tmp_path, capsys, ridge_run):
    code, result, _ = run(
        capsys,
        "evaluate",
        "eeg",
        "--checkpoint",
        ridge_run / "best",
        "--data",
        "sample",
        "--out",
        tmp_path / "e",
        "--device",
        "cpu",
    )
    assert code == 0
    assert {item["subject"]: item["met"] for item in result["subjects"]} == {"2": True, "3": False, "8": True}
    assert result["score"] == pytest.approx((2 * result["within"] + result["held_out"]) / 3)
    assert "single stimulus, split by time" in result["generalisation"]
    assert (tmp_path / "e" / "subjects.csv").read_text().startswith("subject,learned_from")
    json.loads((tmp_path / "e" / "figures.json").read_text())


@pytest.mark.slow
def test_ridge_within_subjects_is_well_above_chance_and_equals_mtrf(sample):
    """Five time blocks, guard 1 s, 0.5–8 Hz, one subject; the decoders of two blocks are also mTRFpy's."""
    from mtrf.model import TRF

    values = preset("eeg", "ridge") | {"ridge": {"penalties": [0.3]}}
    config = validated(EEGConfig, values)
    dataset = data.open_dataset(located("sample"), subjects=["8"])
    result = []
    for number, parts in enumerate(linear.blocks_in_turn(dataset, config)):
        solved, _ = linear.fit(parts.train, config.ridge, 64)
        ours = linear.decode(solved, parts.test)
        result += ours
        if number:
            continue
        pieces = list(linear._pieces(parts.train))
        samples = sum(len(envelope) for _, _, envelope in pieces)
        theirs = TRF(direction=-1)
        theirs.train(
            [envelope[:, None].astype(float) for _, _, envelope in pieces], [eeg.astype(float) for _, eeg, _ in pieces],
            64, 0, 0.25, 0.3 * samples / (len(pieces) * 64),
        )  # fmt: skip
        for stretch, mine in zip(parts.test[:2], ours[:2], strict=True):
            predicted = theirs.predict(response=[stretch.eeg.astype(float)])[0]
            np.testing.assert_allclose(mine.decoded, predicted[:, 0], atol=1e-6)
    judged = scores.evaluate(result, 64, met=["8"])
    assert judged.r > 0.17
    assert judged.subjects[0].p < 0.01
    assert abs(judged.chance) < 0.03


@pytest.mark.slow
def test_crossval_by_subject(tmp_path, capsys):
    code, result, _ = run(
        capsys, "crossval", "eeg", "--preset", "ridge", "--data", "sample", "--by", "subject", "--set", "ridge.penalties=[1]",
        "data.blocks=3", "data.validation_block=1", "data.test_block=2", "--run", tmp_path / "cv", "--device", "cpu", "--quiet",
    )  # fmt: skip
    assert code == 0
    assert all(not item["met"] for item in result["subjects"])
    assert "unseen subjects" in result["generalisation"]
    assert (tmp_path / "cv" / "crossval.json").is_file()


@pytest.mark.slow
def test_crossval_of_a_conformer_trains_a_fold_a_subject(tmp_path, capsys):
    arguments = ["crossval", "eeg", "--preset", "demo", "--set", *TINY, "epochs=1", "data.minutes=2", "--by", "subject",
                 "--run", tmp_path / "cv", "--device", "cpu", "--quiet"]  # fmt: skip
    code, result, _ = run(capsys, *arguments)
    assert code == 0
    for name in ("2", "3", "8"):
        info = checkpoint.read_info(tmp_path / "cv" / f"fold-{name}" / "best", "eeg")
        assert name not in info.preprocessing["subjects"]
    code, again, _ = run(capsys, *arguments)
    assert again["r"] == result["r"]  # folds that are done are not trained again
    code, _, told = run(capsys, "crossval", "eeg", "--preset", "ridge", "--data", "sample", "--by", "session")
    assert code == 2
    assert "cannot be cross-validated by session" in told


@pytest.fixture(scope="module")
def shipped():
    return Decoder.load("bundled", "cpu")


@pytest.mark.slow
def test_the_bundled_decoder_on_people_and_time_it_never_met(shipped):
    judged = evaluation.evaluate_with(shipped, "sample", Progress())
    assert judged.within is None
    assert judged.held_out > 0.15
    assert abs(judged.chance) < 0.03
    assert all(item.p < 0.05 for item in judged.subjects)


def test_cards_are_honest(shipped):
    for name in bundled_names("eeg"):
        info = checkpoint.read_info(checkpoint_folder(name, "eeg"), "eeg")
        assert "Single stimulus, split by time" in info.card
        assert "10.5281/zenodo.1199011" in info.card
        assert not {"2", "3", "8"} & set(info.preprocessing["subjects"])


def test_the_stimulus_was_not_learned_by_heart(shipped):
    """EEG of nothing decodes to nothing: no envelope of the sample's stimulus comes out."""
    envelope = shipped.target(data.open_dataset(located("sample")).items[0].envelope)
    for name in bundled_names("eeg"):
        decoder = Decoder.load(name, "cpu")
        for seed in range(3):
            noise = np.random.default_rng(seed).normal(0, 5, (3200, 64))
            assert abs(pearson(decoder.decode(noise), envelope)) < 0.12


def test_attended_speaker_on_the_sample(shipped, sample):
    """Held-back time of people never met: the true envelope against other stretches of the stimulus."""
    parts = splits.part(sample, shipped_settings(shipped), shipped.signal)
    decoded = shipped.decode_stretches(parts.test)
    target = shipped.target(sample.items[0].envelope)
    others = [target[start : start + 640] for start in (0, 640, 1280, 1920)]
    wins = [
        attended.attended(item.decoded, [item.envelope, other], 64, truth=0).chosen == 0
        for item in decoded
        for other in others
    ]
    assert np.mean(wins) > 0.6
    pooled = attended.against_shifted(decoded, 64)
    assert [item.window_s for item in pooled] == [5.0, 10.0]
    assert [len(item.chosen) for item in pooled] == [60, 30]
    for item in pooled:
        assert item.low < item.accuracy < item.high
    assert pooled[1].accuracy > 0.5


def shipped_settings(decoder):
    return evaluation.recipe(decoder).data.model_copy(update={"test_subjects": []})


def test_people_are_left_out_once_each_alone_or_in_groups():
    from tools.figures_eeg import folds_of

    people = [str(number) for number in range(7)]
    assert folds_of(people, 0) == [(name,) for name in people]
    assert folds_of(people, 3) == [("0", "3", "6"), ("1", "4"), ("2", "5")]
    assert folds_of(people, 20) == folds_of(people, 0)
