"""What the window can do, the terminal can: the options of each system, used on what ships."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.cli import main
from models.resources import resource


def run(capsys, *arguments):
    """(the JSON of the last line, everything printed); it has to end well."""
    code = main([*map(str, arguments), "--json"])
    out, err = capsys.readouterr()
    assert code == 0, out + err
    return json.loads(out.strip().splitlines()[-1]), out + err


@pytest.mark.slow
def test_tracks_are_scored_against_references(tmp_path, capsys):
    folder = resource("samples", "separation")
    mixture = folder / "two-women.flac"
    references = sorted(folder.glob("two-women-*.flac"))
    result, printed = run(
        capsys, "use", "separation", mixture, "--out", tmp_path / "out", "--device", "cpu", "--quiet",
        "--test-time-augmentation", 1, "--mixture-consistency", "--window-s", 4, "--overlap-s", 1,
        "--container", "flac", "--references", *references,
    )  # fmt: skip
    scores = result["files"][0]["scores"]
    assert {Path(item["reference"]).name for item in scores} == {path.name for path in references}
    assert all(item["si_sdri"] > 2 for item in scores)
    assert "SI-SDR improved by" in printed
    tracks = [soundfile.read(path)[0] for path in result["files"][0]["tracks"]]
    sound, _ = soundfile.read(mixture)
    np.testing.assert_allclose(sum(tracks), sound, atol=1e-4)  # they add up to the mixture, as was asked
    with open(tmp_path / "out" / "scores.csv", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == len(references)


def test_references_are_of_one_recording(tmp_path, capsys):
    folder = resource("samples", "separation")
    sounds = [folder / "two-women.flac", folder / "two-men.flac"]
    code = main(
        [*map(str, ["use", "separation", *sounds, "--out", tmp_path / "o", "--references", sounds[0]])]
    )
    assert code == 2
    assert "References belong to one recording" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


@pytest.fixture
def listening(tmp_path):
    """Half a minute of the sample's EEG, the envelope that was heard, and one that was not."""
    from models.eeg.recordings import open_recording
    from models.eeg.samples import sample_file

    trial = open_recording(sample_file()).trials[0]
    first = trial.envelope[: 64 * 30]
    second = np.roll(first, 64 * 15)
    np.savez(tmp_path / "eeg.npz", eeg=trial.read(0, 30), fs=64)
    np.save(tmp_path / "heard.npy", first)
    np.save(tmp_path / "other.npy", second)
    return tmp_path


def test_eeg_is_compared_with_stimulus_and_candidates(listening, capsys):
    result, printed = run(
        capsys, "use", "eeg", listening / "eeg.npz", "--out", listening / "out.npz", "--device", "cpu", "--quiet",
        "--stimulus", listening / "heard.npy", "--candidates", listening / "heard.npy", listening / "other.npy",
    )  # fmt: skip
    answer = result["files"][0]
    assert answer["stimulus"]["r"] == pytest.approx(answer["attended"]["r"]["heard.npy"], abs=1e-6)
    assert answer["attended"]["chosen"] in ("heard.npy", "other.npy")
    assert "listened to" in printed


def test_a_candidate_without_sound_is_refused(listening, capsys):
    np.save(listening / "empty.npy", np.zeros(0, np.float32))
    candidates = ["--candidates", listening / "heard.npy", listening / "empty.npy"]
    arguments = ["use", "eeg", listening / "eeg.npz", "--out", listening / "o.npz", *candidates]
    assert main([str(item) for item in arguments]) == 2
    assert "empty.npy cannot be used" in capsys.readouterr().err


def test_a_history_is_run_again(listening, capsys):
    from models.eeg.decoder import Decoder

    decoding = Decoder.load("bundled", "cpu").decode_recording(listening / "eeg.npz")
    decoding.history.save(listening / "history.json")
    flags = ["--history", listening / "history.json", "--device", "cpu", "--quiet"]
    run(capsys, "use", "eeg", listening / "eeg.npz", "--out", listening / "again.npz", *flags)
    again = np.load(listening / "again.npz")
    np.testing.assert_allclose(again["envelope"], decoding.envelope, atol=1e-4)
    assert json.loads(str(again["history"])) == list(decoding.history.steps)


def test_eeg_is_prepared_as_asked_and_what_was_done_is_written_beside(listening, capsys):
    result, printed = run(
        capsys, "use", "eeg", listening / "eeg.npz", "--out", listening / "out.npz", "--device", "cpu", "--quiet",
        "--reference", "Cz", "--bad-channels", "Pz", "--also", "annotations", "history", "script",
    )  # fmt: skip
    also = result["files"][0]["also"]
    assert set(also) == {"annotations", "history", "script"}
    steps = json.loads(Path(also["history"]).read_text())["steps"]
    assert {"step": "reference", "to": "channels", "channels": ["Cz"]} in steps
    assert next(step for step in steps if step["step"] == "interpolate")["channels"] == ["Pz"]
    compile(Path(also["script"]).read_text(), "script", "exec")
    assert Path(also["annotations"]).read_text().startswith("onset_s")
    assert "may decode worse" in printed
    arguments = ["use", "eeg", listening / "eeg.npz", "--out", listening / "o.npz", "--reference", "mastoids"]
    assert main([str(item) for item in arguments]) == 2
    assert "no mastoids" in capsys.readouterr().err


def test_muted_roles(tmp_path, capsys):
    sequences = np.random.default_rng(0).normal(size=(4, 12, 64)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=sequences)
    outputs = {}
    for name, flags in (("all", []), ("muted", ["--muted", "harp", "organ"])):
        run(capsys, "use", "reverberation", tmp_path / "x.npz", "--out", tmp_path / f"{name}.npz", *flags)
        outputs[name] = np.load(tmp_path / f"{name}.npz")["output"]
    assert np.abs(outputs["all"] - outputs["muted"]).max() > 1e-3
    assert main(["use", "reverberation", str(tmp_path / "x.npz"), "--out", "o", "--muted", "flute"]) == 2


@pytest.mark.slow
def test_search_more_less_captions_fold_threshold_and_rerank(capsys):
    first, _ = run(capsys, "search", "bundled", "cat", "--top", 5, "--device", "cpu")
    best = first["hits"][0]["id"]
    more, _ = run(capsys, "search", "bundled", "--more", best, "--top", 5, "--fold", "--device", "cpu")
    assert more["hits"]
    assert best not in [hit["id"] for hit in more["hits"]]  # it is known already
    less, _ = run(capsys, "search", "bundled", "cat", "--less", best, "--top", 5, "--device", "cpu")
    assert less["hits"][0]["id"] != best
    some, _ = run(
        capsys,
        "search",
        "bundled",
        "cat",
        "--top",
        50,
        "--rerank",
        50,
        "--least-score",
        0.8,
        "--device",
        "cpu",
    )
    assert len(some["hits"]) < 50
    assert all(hit["score"] >= 0.8 for hit in some["hits"])
    captions, _ = run(capsys, "search", "bundled", "cat", "--side", "captions", "--top", 5, "--device", "cpu")
    assert [hit["caption"] for hit in captions["hits"]] != [hit["caption"] for hit in first["hits"]]


def test_an_index_of_a_chosen_kind(tmp_path, capsys):
    from models.search.samples import photos_folder

    result, _ = run(
        capsys, "index", photos_folder(), "--out", tmp_path / "index", "--kind", "multi-index",
        "--no-keep-embeddings", "--device", "cpu", "--quiet",
    )  # fmt: skip
    assert result["added"] == 24
    answer, _ = run(capsys, "search", tmp_path / "index", "dog", "--top", 3, "--device", "cpu")
    assert len(answer["hits"]) == 3


def test_mixtures_are_written_as_librimix_has_them(tmp_path, capsys):
    from models.separation.corpora import open_corpus

    result, _ = run(
        capsys,
        "mixtures",
        "sample",
        "--out",
        tmp_path,
        "--count",
        4,
        "--quiet",
    )
    assert result["mixtures"] == 4
    assert len(open_corpus(tmp_path).mixtures) == 4


@pytest.mark.slow
def test_hops_of_a_long_recording(tmp_path, capsys):
    talk = resource("samples", "separation", "two-women.flac")
    counts = []
    for hop in (0.5, 2):
        run(
            capsys,
            "use",
            "emotion",
            talk,
            "--out",
            tmp_path / "o.csv",
            "--hop-s",
            hop,
            "--device",
            "cpu",
            "--quiet",
        )
        with open(tmp_path / "o.csv", encoding="utf-8") as file:
            counts.append(len(list(csv.DictReader(file))))
    assert counts[0] > 2 * counts[1]
