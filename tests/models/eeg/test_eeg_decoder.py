"""Training, decoding and judging: on the sample, from the terminal, with every mistake said in words."""

import json

import numpy as np
import pytest
import soundfile
import torch

from models import checkpoint
from models.cli import main
from models.eeg import attended, data, evaluation, linear, losses, parting, scores
from models.eeg.config import EEGConfig
from models.eeg.decoder import Decoder
from models.eeg.samples import bundled, located, sample_file
from models.eeg.stimulus import read_stimulus
from models.eeg.task import EEGTask
from models.errors import UserError
from models.progress import Progress
from models.training.config import preset, presets, validated
from models.training.task import Draw

TINY = ["network.width=16", "network.blocks=1", "network.heads=2", "network.feed_forward=32", "network.kernel=7",
        "data.path=sample", "data.window_s=5", "batch_size=32", "learning_rate=0.002"]  # fmt: skip


@pytest.fixture(scope="module")
def sample():
    return data.open_dataset(located("sample"))


@pytest.fixture(scope="module")
def ridge_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("eeg") / "ridge"
    assert main(["train", "eeg", "--preset", "ridge", "--set", "data.path=sample", "data.test_subjects=['3']",
                 "ridge.penalties=[0.3, 1]", "--run", str(folder), "--quiet", "--device", "cpu"]) == 0  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def conformer_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("eeg") / "conformer"
    assert main(["train", "eeg", "--preset", "demo", "--set", *TINY, "epochs=2", "data.test_subjects=['3']",
                 "--run", str(folder), "--quiet", "--device", "cpu"]) == 0  # fmt: skip
    return folder


def run(capsys, *arguments):
    code = main([*map(str, arguments), "--json"])
    out, err = capsys.readouterr()
    last = out.strip().splitlines()[-1] if out.strip() else "{}"
    return code, json.loads(last) if last.startswith("{") else {}, out + err


# Training


@pytest.mark.parametrize("name", sorted(presets("eeg")))
def test_presets_are_valid(name):
    values = preset("eeg", name)
    config = validated(EEGConfig, values)
    assert config.epochs == values.get("epochs", EEGConfig().epochs)
    assert validated(EEGConfig, config.model_dump(mode="json")) == config  # as a run folder keeps it


def test_a_run_is_complete(conformer_run):
    for name in (
        "config.yaml",
        "events.jsonl",
        "best/weights.safetensors",
        "last/training.pt",
        "summary.png",
    ):
        assert (conformer_run / name).is_file(), name
    info = checkpoint.read_info(conformer_run / "best", "eeg")
    assert info.preprocessing["subjects"] == ["2", "8"]
    assert "Single stimulus, split by time" in info.card
    assert info.metrics["validation/r"] > -1
    assert "/" not in info.training["config"]["data"]["path"]


def test_the_linear_decoder_is_solved_and_not_moved(ridge_run, sample):
    """What the run saved is what the solution is, though the loop has taken a step."""
    weights, info = checkpoint.load(ridge_run / "best", "eeg")
    values = preset("eeg", "ridge")
    values["data"] = {"path": "sample", "test_subjects": ["3"]}
    values["ridge"] = {"penalties": [0.3, 1]}
    config = validated(EEGConfig, values)
    parts = parting.part(sample, config.data, config.preprocessing, config.seed)
    solved, _ = linear.fit(parts.train, config.ridge, 64)
    np.testing.assert_allclose(weights["weight"].numpy(), solved.weights, atol=1e-6)
    assert info.network["kind"] == "ridge"


def test_batches_come_from_their_draws_alone():
    values = preset("eeg", "demo") | {"drop_identity": 0.5}
    task = EEGTask(validated(EEGConfig, values))
    task.prepare(Progress())
    draws = [Draw(item, seed) for item, seed in zip(range(40), range(1, 41), strict=True)]
    first, second = task.batch("train", draws), task.batch("train", draws)
    torch.testing.assert_close(first.eeg, second.eeg, rtol=0, atol=0)
    assert first.eeg.shape == (40, 320, 64)
    assert (first.subject == 0).any()  # some do not say whose they are
    assert (first.subject > 0).any()
    assert not torch.equal(first.eeg[0], task.batch("train", [Draw(0, 99)]).eeg[0])
    steady = task.batch("validation", [Draw(0, 0), Draw(1, 0)])
    assert (steady.subject > 0).all()


def namesakes(folder):
    """A data set whose subjects are called as some of the sample's, and are others."""
    random = np.random.default_rng(0)
    path = folder / "others.npz"
    np.savez(path, eeg=random.normal(0, 8, (2, 3200, 64)).astype(np.float32), fs=64,
             envelope=random.random(3200), subject=["2", "8"])  # fmt: skip
    return path


@pytest.mark.parametrize("drop", [0.0, 1.0])
def test_a_namesake_is_nobody_that_a_decoder_knows(conformer_run, tmp_path, drop):
    """Fine-tuned as unknown, and judged as unknown: not through the embedding of someone of the same name."""
    numbers = {}
    for path in (namesakes(tmp_path), "sample"):
        values = preset("eeg", "fine-tune") | {
            "start_from": str(conformer_run / "best"),
            "drop_identity": drop,
        }
        values["data"] = values["data"] | {"path": str(path), "subjects": ["2", "8"]}
        task = EEGTask(validated(EEGConfig, values))
        task.prepare(Progress())
        task.network()
        numbers[path] = [
            set(task.batch(split, [Draw(n, n + 1) for n in range(4)]).subject.tolist()) <= {0}
            for split in ("train", "validation")
        ]
    other, same = numbers.values()
    assert other == [True, True]
    assert same == [drop == 1, drop == 1]


def test_channels_are_matched_by_name(tmp_path, ridge_run, sample):
    """The sample with its channels in another, correctly named order is judged the same."""
    with np.load(sample_file()) as arrays:
        values = dict(arrays)
    order = np.random.default_rng(0).permutation(64)
    values |= {"eeg": values["eeg"][:, :, order], "channels": np.array(sample.channel_names)[order]}
    np.savez(tmp_path / "turned.npz", **values)
    decoder = Decoder.load(ridge_run / "best", "cpu")
    first = evaluation.evaluate_with(decoder, "sample", Progress())
    second = evaluation.evaluate_with(decoder, tmp_path / "turned.npz", Progress())
    assert second.r == pytest.approx(first.r, abs=1e-6)
    assert any("order" in str(remark) for remark in second.remarks)


def test_the_same_seed_gives_the_same_weights(conformer_run, tmp_path):
    again = tmp_path / "again"
    assert main(["train", "eeg", "--preset", "demo", "--set", *TINY, "epochs=2", "data.test_subjects=['3']",
                 "--run", str(again), "--quiet", "--device", "cpu"]) == 0  # fmt: skip
    first, second = (checkpoint.load(place / "last", "eeg")[0] for place in (conformer_run, again))
    assert all((first[name] == second[name]).all() for name in first)


def test_a_stranger_is_fine_tuned(conformer_run, tmp_path, capsys):
    code, result, _ = run(
        capsys, "train", "eeg", "--preset", "demo", "--set", "data.path=sample", "data.subjects=['3']", "epochs=1",
        f"start_from={conformer_run / 'best'}", "--run", tmp_path / "tuned", "--quiet", "--device", "cpu",
    )  # fmt: skip
    assert code == 0
    before, after = (
        checkpoint.load(place, "eeg")[0] for place in (conformer_run / "best", result["checkpoint"])
    )
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    tuned = Decoder.load(result["checkpoint"], "cpu")
    assert tuned.subjects == ("2", "8")
    assert "tuned to 3" in tuned.info.title
    judged = evaluation.evaluate_with(tuned, "sample", Progress())
    assert all(one.met for one in judged.subjects)


@pytest.mark.parametrize("kind", ["pearson + l1", "pearson", "multi-scale pearson", "mse"])
def test_losses(kind):
    generator = torch.Generator().manual_seed(0)
    true = torch.randn(3, 64, generator=generator)
    noise = torch.randn(3, 64, generator=generator)
    values = [losses.loss(true + amount * noise, true, kind, 0.2) for amount in (0.0, 0.5, 2.0)]
    assert values[0] < values[1] < values[2]
    torch.testing.assert_close(
        losses.pearson(true, noise).numpy(),
        scores.pearson(true, noise).astype(np.float32),
        rtol=1e-4,
        atol=1e-5,
    )
    flat = torch.zeros(3, 64, requires_grad=True)
    losses.loss(flat, true, kind, 0.2).backward()
    assert 0 < flat.grad.norm() < 10  # an output that does not move yet is no cliff


def test_training_mistakes(capsys, tmp_path):
    for number, (setting, message) in enumerate(
        [
            ("data.test_subjects=['2','3','8']", "Nothing is left to train on"),
            ("data.test_subjects=['17']", "no subject 17"),
            ("data.validation_block=4", "cannot validate and test"),
            ("data.validation_block=-1", "there is no best epoch"),
            ("network.width=17", "multiple of twice the heads"),
        ]
    ):
        code, _, told = run(
            capsys,
            "train",
            "eeg",
            "--preset",
            "demo",
            "--set",
            setting,
            "--run",
            tmp_path / str(number),
            "--quiet",
        )
        assert code == 2, setting
        assert message in told


# Use


def test_use_writes_envelopes(tmp_path, capsys, conformer_run, sample):
    code, result, told = run(
        capsys,
        "use",
        "eeg",
        "--checkpoint",
        conformer_run / "best",
        sample_file(),
        "--out",
        tmp_path / "o.npz",
        "--device",
        "cpu",
    )
    assert code == 0
    with np.load(tmp_path / "o.npz", allow_pickle=False) as arrays:
        assert arrays["envelope"].shape == (30, 3200)
        assert float(arrays["fs"]) == 64
    assert "r" in result["files"][0]
    assert "BioSemi" in told
    np.savez(tmp_path / "one.npz", eeg=sample.items[0].eeg * 0.125, fs=64)
    run(capsys, "use", "eeg", tmp_path / "one.npz", "--out", tmp_path / "p.npz", "--device", "cpu")
    with np.load(tmp_path / "p.npz", allow_pickle=False) as arrays:
        assert arrays["envelope"].shape == (3200,)


def test_raw_recordings_decode(tmp_path, ridge_run):
    from tests.models.eeg.test_eeg_recordings import brain, raw_of

    raw_of(brain(40)).save(tmp_path / "talk_raw.fif", verbose="error")
    decoder = Decoder.load(ridge_run / "best", "cpu")
    found = decoder.decode_recording(tmp_path / "talk_raw.fif")
    assert found.envelope.shape == (40 * 64,)
    again = decoder.decode_recording(tmp_path / "talk_raw.fif", history=found.history)
    np.testing.assert_array_equal(found.envelope, again.envelope)


def test_a_stranger_and_a_known_subject(conformer_run, sample):
    decoder = Decoder.load(conformer_run / "best", "cpu")
    eeg = sample.items[0].eeg * 0.125
    stranger, known = decoder.decode(eeg, "someone else"), decoder.decode(eeg, "2")
    assert np.isfinite(stranger).all()
    assert not np.allclose(stranger, known)
    np.testing.assert_array_equal(stranger, decoder.decode(eeg))


def test_a_recording_at_another_rate_is_resampled(tmp_path, ridge_run, sample):
    """The sample at 128 Hz, by interpolation in the spectrum, decodes to nearly the same."""
    import scipy.signal

    decoder = Decoder.load(ridge_run / "best", "cpu")
    eeg = sample.items[-1].eeg * 0.125
    np.savez(tmp_path / "fast.npz", eeg=scipy.signal.resample(eeg, 6400, axis=0), fs=128)
    found = decoder.decode_recording(tmp_path / "fast.npz")
    assert found.envelope.shape == (3200,)
    middle = slice(640, 2560)
    assert scores.pearson(found.envelope[middle], decoder.decode(eeg)[middle]) > 0.95


def test_windows_of_a_long_recording_join(conformer_run, sample):
    decoder = Decoder.load(conformer_run / "best", "cpu")
    eeg = parting.standardised(sample.items[0].eeg * 0.125, 20)
    for time in (100, 320, 321, 777, 3200):
        assert decoder.decode_standardised(eeg[:time]).shape == (time,)


def test_gain_and_offset_change_nothing(ridge_run, sample):
    decoder = Decoder.load(ridge_run / "best", "cpu")
    eeg = sample.items[0].eeg * 0.125
    np.testing.assert_allclose(decoder.decode(3 * eeg + 7), decoder.decode(eeg), atol=1e-3)


def test_bad_eeg_is_refused(ridge_run):
    decoder = Decoder.load(ridge_run / "best", "cpu")
    with pytest.raises(UserError, match="does not fit"):
        decoder.decode(np.zeros((100, 32)))
    with pytest.raises(UserError, match="no numbers"):
        decoder.decode(np.full((100, 64), np.nan))


def test_a_checkpoint_that_describes_no_decoder(tmp_path, ridge_run):
    weights, info = checkpoint.load(ridge_run / "best", "eeg")
    for number, changes in enumerate(
        [{"network": {"kind": "oracle"}}, {"network": {"nonsense": 1}}, {"preprocessing": {}}]
    ):
        checkpoint.save(tmp_path / str(number), weights, info.model_copy(update=changes))
        with pytest.raises(UserError, match=r"does not say what it needs|not known here"):
            Decoder.load(tmp_path / str(number), "cpu")


def test_the_gate_is_told_while_training(conformer_run):
    lines = [json.loads(line) for line in (conformer_run / "events.jsonl").read_text().splitlines()]
    gates = [line["values"]["train/gate"] for line in lines if line["kind"] == "scalars"]
    assert all(0 < gate < 1 for gate in gates)


def test_reliance(ridge_run, conformer_run, sample):
    eeg = sample.items[0].eeg * 0.125
    linear_one = Decoder.load(ridge_run / "best", "cpu").reliance(eeg)
    assert linear_one.saliency.shape == (64,)
    assert linear_one.saliency.max() == 1
    deep = Decoder.load(conformer_run / "best", "cpu").reliance(eeg)
    assert deep.excitation.shape == (64,)
    assert 0 < deep.gate < 1
    assert (deep.saliency > 0).all()


def test_compare(ridge_run, sample):
    decoder = Decoder.load(ridge_run / "best", "cpu")
    item = next(item for item in sample.items if item.subject == "8")
    found = decoder.compare(decoder.decode(item.eeg * item.step), item.envelope)
    assert found.r > 0.1
    assert found.p < 0.05
    assert len(found.times_s) == len(found.r_over_time) == 81
    assert found.true.std() == pytest.approx(1, abs=0.01)
    assert found.interval[0] < found.r < found.interval[1]
    assert 0 < found.window_chance < 1
    assert found.chance_band[0] < 0 < found.null_95 < found.chance_band[1] + 0.01


def test_who_was_listened_to(ridge_run, sample):
    """A track like what was decoded is chosen over another; levels do not matter."""
    decoder = Decoder.load(ridge_run / "best", "cpu")
    item = sample.items[-1]
    decoded = decoder.decode(item.eeg * item.step)
    other = np.random.default_rng(0).gamma(1, size=len(item.envelope))
    found = decoder.attended(decoded, [5 * other, 0.01 * item.envelope + 3], truth=1)
    assert found.chosen == 1
    assert found.whole_r[1] == pytest.approx(decoder.compare(decoded, item.envelope).r, abs=1e-3)


# Figures


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
    assert {one["subject"]: one["met"] for one in result["subjects"]} == {"2": True, "3": False, "8": True}
    assert result["score"] == pytest.approx((2 * result["within"] + result["held_out"]) / 3)
    assert "single stimulus, split by time" in result["generalisation"]
    assert (tmp_path / "e" / "subjects.csv").read_text().startswith("subject,learned_from")
    json.loads((tmp_path / "e" / "figures.json").read_text())


def test_ridge_within_subjects_is_well_above_chance_and_equals_mtrf(sample):
    """Five time blocks, guard 1 s, 0.5–8 Hz, one subject; the decoders of two blocks are also mTRFpy's."""
    from mtrf.model import TRF

    values = preset("eeg", "ridge") | {"ridge": {"penalties": [0.3]}}
    config = validated(EEGConfig, values)
    one = data.open_dataset(located("sample"), subjects=["8"])
    found = []
    for number, parts in enumerate(linear.blocks_in_turn(one, config)):
        solved, _ = linear.fit(parts.train, config.ridge, 64)
        ours = linear.decode(solved, parts.test)
        found += ours
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
    judged = scores.evaluate(found, 64, met=["8"])
    assert judged.r > 0.17
    assert judged.subjects[0].p < 0.01
    assert abs(judged.chance) < 0.03


def test_crossval_by_subject(tmp_path, capsys):
    code, result, _ = run(
        capsys, "crossval", "eeg", "--preset", "ridge", "--data", "sample", "--by", "subject", "--set", "ridge.penalties=[1]",
        "data.blocks=3", "data.validation_block=1", "data.test_block=2", "--run", tmp_path / "cv", "--device", "cpu", "--quiet",
    )  # fmt: skip
    assert code == 0
    assert all(not one["met"] for one in result["subjects"])
    assert "unseen subjects" in result["generalisation"]
    assert (tmp_path / "cv" / "crossval.json").is_file()


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


# What ships


@pytest.fixture(scope="module")
def shipped():
    return Decoder.load("bundled", "cpu")


def test_the_bundled_decoder_on_people_and_time_it_never_met(shipped):
    judged = evaluation.evaluate_with(shipped, "sample", Progress())
    assert judged.within is None
    assert judged.held_out > 0.12
    assert abs(judged.chance) < 0.03
    assert all(one.p < 0.05 for one in judged.subjects)


def test_cards_are_honest(shipped):
    for name in ("bundled", "bundled-conformer"):
        info = checkpoint.read_info(bundled(name), "eeg")
        assert "Single stimulus, split by time" in info.card
        assert "10.5281/zenodo.1199011" in info.card
        assert not {"2", "3", "8"} & set(info.preprocessing["subjects"])


def test_the_stimulus_was_not_learned_by_heart(shipped):
    """EEG of nothing decodes to nothing: no envelope of the sample's stimulus comes out."""
    envelope = shipped.target(data.open_dataset(located("sample")).items[0].envelope)
    for name in ("bundled", "bundled-conformer"):
        decoder = Decoder.load(bundled(name), "cpu")
        for seed in range(3):
            noise = np.random.default_rng(seed).normal(0, 5, (3200, 64))
            assert abs(scores.pearson(decoder.decode(noise), envelope)) < 0.12


def test_attended_speaker_on_the_sample(shipped, sample):
    """Held-back time of people never met: the true envelope against other stretches of the stimulus."""
    parts = parting.part(sample, shipped_settings(shipped), shipped.signal)
    decoded = shipped.decode_stretches(parts.test)
    target = shipped.target(sample.items[0].envelope)
    others = [target[start : start + 640] for start in (0, 640, 1280, 1920)]
    wins = [
        attended.attended(one.decoded, [one.envelope, other], 64, truth=0).chosen == 0
        for one in decoded
        for other in others
    ]
    assert np.mean(wins) > 0.6
    pooled = attended.against_shifted(decoded, 64)
    assert [one.window_s for one in pooled] == [5.0, 10.0]
    assert [len(one.chosen) for one in pooled] == [60, 30]
    for one in pooled:
        assert one.low < one.accuracy < one.high
    assert pooled[1].accuracy > 0.5


def shipped_settings(decoder):
    return evaluation.recipe(decoder).data.model_copy(update={"test_subjects": []})


def test_describe_and_import(tmp_path, capsys):
    code, result, told = run(capsys, "describe", "eeg")
    assert (code, result["v1"]) == (0, 12_833_281)
    assert "Published are 46.8 M" in told
    assert run(capsys, "describe", "eeg", "--checkpoint", "bundled")[0] == 0
    (tmp_path / "x.pt").write_bytes(b"x")
    code, _, told = run(capsys, "import", "eeg", tmp_path / "x.pt", "--out", tmp_path / "y")
    assert code == 2
    assert "has no import" in told


def test_a_sound_is_a_stimulus(tmp_path):
    soundfile.write(tmp_path / "talk.flac", np.random.default_rng(0).normal(0, 0.1, 16_000 * 5), 16_000)
    assert read_stimulus(tmp_path / "talk.flac").shape == (320,)


def test_the_preset_for_fine_tuning_begins_with_the_bundled_decoder(tmp_path, capsys):
    code, result, _ = run(
        capsys, "train", "eeg", "--preset", "fine-tune", "--set", "epochs=1", "data.subjects=['3']",
        "--run", tmp_path / "tuned", "--quiet", "--device", "cpu",
    )  # fmt: skip
    assert code == 0
    assert Decoder.load(result["checkpoint"], "cpu").info.preprocessing["tuned_to"] == ["3"]


def test_a_linear_decoder_is_solved_anew_for_a_person(tmp_path, capsys):
    code, result, _ = run(
        capsys, "train", "eeg", "--preset", "fine-tune", "--set", "epochs=1", "data.subjects=['3']",
        "start_from=bundled", "--run", tmp_path / "solved", "--quiet", "--device", "cpu",
    )  # fmt: skip
    assert code == 0
    before, _ = checkpoint.load(bundled("bundled"), "eeg")
    after, info = checkpoint.load(result["checkpoint"], "eeg")
    assert not torch.allclose(before["weight"], after["weight"])
    assert info.preprocessing["tuned_to"] == ["3"]
