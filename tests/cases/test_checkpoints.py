"""Checkpoints of a newer version, put together wrongly, or broken by their training: refused by every system alike."""

import json
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from models import checkpoint, cli, systems
from models.errors import UserError
from models.loading import check_numbers, open_model
from models.resources import resource

SYSTEMS = sorted(systems.SYSTEMS)


@pytest.fixture(params=SYSTEMS)
def copied(request, tmp_path):
    """(system, a copy of its bundled checkpoint)"""
    folder = tmp_path / request.param
    shutil.copytree(resource("checkpoints", request.param), folder)
    return request.param, folder


def described(folder, change):
    path = folder / checkpoint.DESCRIPTION
    values = json.loads(path.read_text("utf-8"))
    change(values)
    path.write_text(json.dumps(values), "utf-8")


@pytest.mark.parametrize("part", ["network", "preprocessing"])
def test_a_setting_of_a_newer_version_is_not_passed_over(copied, part):
    system, folder = copied
    described(folder, lambda values: values[part].update(future=1))
    with pytest.raises(UserError, match="newer version"):
        systems.system(system).capabilities.describe(folder)


def test_a_setting_of_another_kind_is_refused(copied):
    system, folder = copied

    def change(values):
        network = values["network"]
        while not any(type(value) is int for value in network.values()):  # an ensemble's is that of a member
            network = network.get("network") or network["members"][1]
        name = next(name for name, value in network.items() if type(value) is int)
        network[name] = [network[name]]

    described(folder, change)
    with pytest.raises(UserError, match="does not say what it needs"):
        systems.system(system).capabilities.describe(folder)


def test_weights_that_are_no_numbers_are_refused_before_they_answer(copied):
    system, folder = copied
    weights = load_file(folder / checkpoint.WEIGHTS)
    name = next(name for name, weight in weights.items() if weight.is_floating_point())
    weights[name].view(-1)[0] = float("nan")
    save_file(weights, folder / checkpoint.WEIGHTS)
    with pytest.raises(UserError, match="no numbers"):
        open_model(folder, system)


def test_labels_that_are_not_those_of_the_classes(tmp_path):
    from models.emotion.recognizer import Recognizer

    folder = tmp_path / "model"
    for labels in (["angry"], ["angry"] * 4, []):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(resource("checkpoints", "emotion"), folder)
        described(folder, lambda values, labels=labels: values.update(labels=labels))
        with pytest.raises(UserError, match="labels of 4 classes"):
            Recognizer.load(folder, "cpu")


def test_what_a_model_gives_is_checked():
    np.testing.assert_array_equal(check_numbers(np.ones(3), "a"), 1)
    with pytest.raises(UserError, match="no numbers"):
        check_numbers(np.array([1.0, np.inf]), "a")


@pytest.mark.parametrize(
    "words",
    [
        ["train", "emotion", "--run", ""],
        ["train", "emotion", "--config="],
        ["use", "emotion", "a.wav", "--out", "x", "--device", " "],
        ["use", "separation", "a.wav", "--out", "x", "--references", "b.wav", ""],
        ["use", "eeg", "a.npz", "--out", "x", "--stimulus", ""],
        ["evaluate", "search", "--data", "sample", "--out", ""],
        ["search", "bundled", "cat", "--image", ""],
        ["crossval", "emotion", "--data", ""],
        ["resume", ""],
        ["diagnose", " "],
    ],
)
def test_an_empty_word_is_no_path_and_no_default(capsys, words):
    assert cli.main(words) == 2
    assert "is empty" in capsys.readouterr().err


def test_the_words_of_a_search_may_be_empty(capsys):
    assert cli.main(["search", "bundled", "", "--image", "a.png"]) == 2
    said = capsys.readouterr().err
    assert "is empty" not in said
    assert "a.png" in said
