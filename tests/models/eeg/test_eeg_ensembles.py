"""Several decoders as one: the mean of what each says by itself, one folder, what it has met, and what is refused."""

import json

import numpy as np
import pytest

from models import checkpoint
from models.eeg import ensembles, evaluation
from models.eeg.correlation import standardised
from models.eeg.decoder import Decoder
from models.eeg.live.causal import CausalEeg
from models.eeg.live.listening import Listening
from models.eeg.preprocessing import standardised as in_deviations
from models.eeg.recordings import BIOSEMI64
from models.eeg.samples import sample_file
from models.fingerprint import Learned
from models.progress import Progress
from tests.models.eeg.helpers import run

PAIR = ("bundled-ridge", "bundled-conformer")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from models.eeg import commands

    place = tmp_path_factory.mktemp("ensemble") / "mean"
    commands.ensemble(PAIR, place)
    return place


@pytest.fixture(scope="module")
def members():
    return [Decoder.load(choice, "cpu") for choice in PAIR]


@pytest.fixture(scope="module")
def ensemble(folder):
    return Decoder.load(folder, "cpu")


def mean(outputs):
    return np.mean([standardised(output) for output in outputs], axis=0)


def test_it_gives_the_mean_of_what_its_members_give(ensemble, members, sample):
    eeg = sample.items[0].eeg * 0.125
    for given in (eeg, eeg[:200], np.stack([eeg[:800], eeg[800:1600]])):
        said = ensemble.decode(given)
        apart = [decoder.decode(given) for decoder in members]
        if given.ndim == 2:
            np.testing.assert_allclose(said, mean(apart), atol=1e-5)
        else:  # each stretch by itself
            for number, one in enumerate(said):
                np.testing.assert_allclose(one, mean([output[number] for output in apart]), atol=1e-5)
    assert said.dtype == np.float32
    assert ensemble.parameters == sum(decoder.parameters for decoder in members)
    assert ensemble.rim == max(decoder.rim for decoder in members)


def test_the_folder_stands_by_itself(folder, members):
    assert sorted(item.name for item in folder.iterdir()) == ["checkpoint.json", "weights.safetensors"]
    weights, info = checkpoint.load(folder, "eeg")
    assert {name.partition(".")[0] for name in weights} == {"0", "1"}
    np.testing.assert_array_equal(weights["0.weight"], members[0].members[0].network.weight.detach().numpy())
    assert info.network["kind"] == "ensemble"
    assert info.title == f"mean of {members[0].info.title} and {members[1].info.title}"


def test_what_ships_is_the_mean_of_the_two_that_ship(members, sample):
    shipped = Decoder.load("bundled", "cpu")
    eeg = sample.items[0].eeg * 0.125
    np.testing.assert_allclose(
        shipped.decode(eeg), mean([decoder.decode(eeg) for decoder in members]), atol=1e-5
    )
    states = [decoder.members[0].network.state_dict() for decoder in members]
    for member, state in zip(shipped.members, states, strict=True):
        assert all(
            bool((weight == state[name]).all()) for name, weight in member.network.state_dict().items()
        )


def test_live_it_is_what_it_is_offline(ensemble, sample):
    """Cut into blocks, filtered with the state carried on and decoded each second: as one causal pass, decoded at once."""
    eeg = np.concatenate([item.eeg for item in sample.items[:2]]) * 0.125
    envelopes = np.stack([item.envelope for item in sample.items[:2]], axis=1)[: len(eeg)]
    envelopes = np.concatenate([envelopes, envelopes])[: len(eeg)]
    listening = Listening(ensemble, BIOSEMI64, 64.0, 64.0, 2)
    listening.begin(0.0, 0.0)
    told = []
    for first in range(0, len(eeg), 37):
        listening.push_sound(envelopes[first : first + 37])
        listening.push_eeg(eeg[first : first + 37])
        told += [item for item in [listening.attention()] if item is not None]
    ready = CausalEeg(BIOSEMI64, 64.0, ensemble.channel_names, ensemble.signal).push(eeg)
    kept = 32 * 64 + ensemble.rim
    assert len(told) > 80
    for heard in told[::20]:
        now = round(heard.time_s * 64)
        decoded = ensemble.decode_standardised(ready[max(0, now - kept) : now])
        np.testing.assert_allclose(heard.decoded, decoded[: len(decoded) - ensemble.rim][-640:], atol=1e-4)
    assert {window.window_s for window in told[-1].windows} == {5.0, 10.0, 30.0}


@pytest.mark.slow
def test_what_any_member_has_met_it_has_met(tmp_path, capsys, ridge_run, conformer_run):
    """The ridge learned from 2 and 8; a second one learned from 3 alone: of all three something was learned."""
    other = tmp_path / "other"
    code, *_ = run(
        capsys, "train", "eeg", "--preset", "ridge", "--set", "data.path=sample", "data.subjects=['3']",
        "ridge.penalties=[1]", "--run", other, "--quiet", "--device", "cpu",
    )  # fmt: skip
    assert code == 0
    code, result, _ = run(capsys, "ensemble", "eeg", ridge_run, other, "--out", tmp_path / "mean")
    assert (code, result["members"]) == (0, 2)
    decoder = Decoder.load(tmp_path / "mean", "cpu")
    judged = evaluation.evaluate_with(decoder, "sample", Progress())
    assert {item.subject: item.met for item in judged.subjects} == dict.fromkeys("238", True)
    learned = Learned.of(decoder.info.training)
    apart = [Learned.of(checkpoint.read_info(place / "best").training) for place in (ridge_run, other)]
    assert learned.items["train"] == apart[0].items["train"] | apart[1].items["train"]
    assert learned.groups["train"] == {"2", "3", "8"}
    assert set(decoder.subjects) == {"2", "3", "8"}


@pytest.mark.slow
def test_each_member_is_told_whose_eeg_it_is_as_far_as_it_knows(tmp_path, conformer_run, ridge_run, sample):
    from models.eeg import commands

    commands.ensemble([conformer_run / "best", ridge_run / "best"], tmp_path / "mean")
    both = Decoder.load(tmp_path / "mean", "cpu")
    eeg = in_deviations(sample.items[0].eeg * 0.125, 20)
    apart = [Decoder.load(place / "best", "cpu") for place in (conformer_run, ridge_run)]
    for subject in ("2", "someone else", None):
        outputs = [decoder.decode_standardised(eeg, subject) for decoder in apart]
        np.testing.assert_allclose(both.decode_standardised(eeg, subject), mean(outputs), atol=1e-5)
    assert not np.allclose(both.decode_standardised(eeg, "2"), both.decode_standardised(eeg))
    assert ensembles.named_subjects(both.info) == ["2", "8"]
    assert ensembles.named_subjects(apart[1].info) == []


def test_what_it_relies_on_is_its_members_mean(ensemble, members, sample):
    eeg = sample.items[0].eeg * 0.125
    own = ensemble.reliance(eeg)
    expected = np.mean([decoder.reliance(eeg).saliency for decoder in members], axis=0)
    np.testing.assert_allclose(own.saliency, expected / expected.max(), atol=1e-6)
    assert (own.excitation, own.gate) == (None, None)


def test_verbs_know_it(folder, tmp_path, capsys):
    np.savez(tmp_path / "eeg.npz", eeg=np.random.default_rng(0).normal(0, 10, (1280, 64)), fs=64)
    code, *_ = run(
        capsys, "use", "eeg", "--checkpoint", folder, tmp_path / "eeg.npz", "--out", tmp_path / "o.npz",
        "--device", "cpu",
    )  # fmt: skip
    assert code == 0
    code, result, told = run(capsys, "describe", "eeg", "--checkpoint", folder)
    assert code == 0
    assert {"0.weight", "1.head"} <= set(result["layers"])
    assert "1: Conformer v2" in told
    code, result, _ = run(
        capsys, "train", "eeg", "--preset", "fine-tune", "--set", f"start_from={folder}", "--run",
        tmp_path / "run", "--device", "cpu",
    )  # fmt: skip
    assert code == 2
    assert result["error"]["what"] == "An ensemble is not trained further."
    for verb in ("resume", "diagnose"):
        code, result, _ = run(capsys, verb, folder)
        assert code == 2
        assert "is not a run folder" in result["error"]["what"]
    code, result, _ = run(capsys, "export", "eeg", "--checkpoint", folder, "--out", tmp_path / "x")
    assert code == 2


def changed(tmp_path, name, **changes):
    """The Conformer that ships, trained as if with other settings of the signal or other channels."""
    weights, info = checkpoint.load(checkpoint_of(PAIR[1]), "eeg")
    signal = info.preprocessing["signal"] | changes.pop("signal", {})
    info.preprocessing |= {"signal": signal, **changes}
    checkpoint.save(tmp_path / name, weights, info)
    return tmp_path / name


def checkpoint_of(choice):
    from models.loading import checkpoint_folder

    return checkpoint_folder(choice, "eeg")


def test_members_that_do_not_fit_are_refused_with_what_differs(tmp_path, capsys, folder):
    names = list(reversed(BIOSEMI64))
    for given, why in (
        ([changed(tmp_path, "slow", signal={"high_hz": 9.0})], "They differ in Low-pass: 8.0 and 9.0."),
        ([changed(tmp_path, "rate", signal={"sample_rate": 128})], "They differ in Sample rate: 64 and 128."),
        ([changed(tmp_path, "ear", signal={"reference": "mastoids"})],
         "They differ in EEG reference: average and mastoids."),
        ([changed(tmp_path, "turned", channels=names)], "They read other channels: Fp1"),
        ([], "Only one was named."),
        ([PAIR[0]], "In a mean it would count double."),
        ([folder], "In a mean of means"),
        ([tmp_path / "nothing"], "moved or deleted"),
    ):  # fmt: skip
        code, result, told = run(capsys, "ensemble", "eeg", PAIR[0], *given, "--out", tmp_path / "out")
        assert code == 2, told
        assert why in result["error"]["why"]
        assert not (tmp_path / "out").exists()


def test_nothing_but_a_checkpoint_is_written_over(tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    code, result, _ = run(capsys, "ensemble", "eeg", *PAIR, "--out", tmp_path / "mine")
    assert code == 2
    assert "is not empty" in result["error"]["what"]
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years"


def test_a_damaged_ensemble_is_refused_in_words(folder, tmp_path):
    from models.errors import UserError

    weights, info = checkpoint.load(folder, "eeg")
    members = info.network["members"]
    for number, network in enumerate(
        (
            {"kind": "ensemble"},
            {"kind": "ensemble", "members": members[:1]},
            {"kind": "ensemble", "members": [*members, *members]},
            {"kind": "ensemble", "members": [members[0] | {"of_tomorrow": 1}, members[1]]},
            {"kind": "ensemble", "members": [{**members[0], "network": {"kind": "ensemble"}}, members[1]]},
        )
    ):
        checkpoint.save(tmp_path / str(number), weights, info.model_copy(update={"network": network}))
        with pytest.raises(UserError):
            Decoder.load(tmp_path / str(number), "cpu")
    values = json.loads((folder / "checkpoint.json").read_text("utf-8"))
    assert values["network"]["members"][1]["network"]["kind"] == "conformer"


def test_the_published_figures_average_as_the_decoder_does(members, sample):
    """What stands in the documentation as mean of both is what such a checkpoint gives."""
    from tools.figures_eeg import _mean

    stretches = evaluation.test_part(sample, evaluation.recipe(members[0])).test[:3]
    both = _mean(*(decoder.decode_stretches(stretches) for decoder in members))
    for item, stretch in zip(both, stretches, strict=True):
        apart = [decoder.decode_standardised(stretch.eeg) for decoder in members]
        np.testing.assert_allclose(item.decoded, ensembles.averaged(apart), atol=1e-6)


def test_the_sample_is_decoded_by_trial(folder, tmp_path, capsys):
    code, result, _ = run(
        capsys, "use", "eeg", "--checkpoint", folder, sample_file(), "--out", tmp_path / "o.npz",
        "--candidates", sample_stimulus(tmp_path), sample_stimulus(tmp_path, 800), "--device", "cpu",
    )  # fmt: skip
    assert code == 0
    assert result["files"][0]["trials"] == 30
    assert set(result["files"][0]["attended"]["r"]) == {"envelope0.npy", "envelope800.npy"}


def sample_stimulus(tmp_path, shift=0):
    with np.load(sample_file()) as arrays:
        np.save(tmp_path / f"envelope{shift}.npy", np.roll(arrays["envelope"], shift))
    return tmp_path / f"envelope{shift}.npy"
