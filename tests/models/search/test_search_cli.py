"""Search from the terminal."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.cli import main
from models.search.samples import emoji_folder, photos_folder

ROOT = Path(__file__).resolve().parents[3]


def run(capsys, *arguments):
    code = main([*map(str, arguments), "--json"])
    out, err = capsys.readouterr()
    lines = out.strip().splitlines()
    return code, json.loads(lines[-1]) if lines and lines[-1].startswith("{") else None, out + err


@pytest.mark.slow
def test_search_the_bundled_index_as_typed():
    done = subprocess.run(
        [sys.executable, "-m", "models", "search", "bundled", "red heart", "--top", "5", "--json"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert len(result["hits"]) == 5
    assert any("heart" in hit["caption"] for hit in result["hits"])
    assert result["searched"] == 1644


@pytest.mark.slow
def test_index_search_and_index_again(capsys, tmp_path):
    code, report, _ = run(capsys, "index", photos_folder(), "--out", tmp_path / "index", "--quiet")
    assert code == 0
    assert (report["added"], report["problems"]) == (24, [])
    picture = next(photos_folder().glob("*.jpg"))
    code, result, printed = run(
        capsys, "search", tmp_path / "index", "--image", picture, "--top", "3", "--quiet"
    )
    assert code == 0
    assert Path(result["hits"][0]["path"]) == picture.resolve()
    assert "http" in result["hits"][0]["attribution"]
    assert picture.name in printed
    code, report, _ = run(capsys, "index", photos_folder(), "--out", tmp_path / "index", "--quiet")
    assert (report["added"], report["unchanged"]) == (0, 24)


def test_use_writes_codes(capsys, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"x")
    inputs = sorted(emoji_folder().glob("*.png"))[:3]
    code, result, _ = run(
        capsys, "use", "search", *inputs, tmp_path / "broken.png", "--out", tmp_path / "o.npz"
    )
    assert code == 0
    assert (result["pictures"], len(result["skipped"])) == (3, 1)
    with np.load(tmp_path / "o.npz") as held:
        assert held["codes"].shape == (3, 8)
        assert held["codes"].dtype == np.uint8
        assert held["embeddings"].shape == (3, 128)
        assert list(held["paths"]) == [str(path) for path in inputs]


def test_import_and_describe(capsys, tmp_path):
    values = {"image": np.ones((3, 4)), "text": np.ones((3, 4)), "label": np.eye(3)}
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(values))
    code, result, _ = run(capsys, "import", "search", tmp_path / "x.pkl", "--out", tmp_path / "out")
    assert (code, result["parts"]) == (0, {"train": 3})
    assert (tmp_path / "out" / "train.npz").is_file()
    code, result, printed = run(capsys, "describe", "search", "--checkpoint", "bundled")
    assert code == 0
    assert result["parameters"] > 100_000
    assert "text_hash" in printed


@pytest.mark.slow
def test_evaluate_the_bundled_model_on_the_held_out_emoji(capsys):
    code, result, _ = run(capsys, "evaluate", "search", "--data", "sample", "--device", "cpu")
    assert code == 0
    assert result["queries"] == 329
    answer = {(item["method"], item["way"]): item for item in result["judged"]}
    single = answer["single", "text → image"]
    assert single["map"]["mean_average_precision"] > 2 * single["map"]["chance"]
    assert single["own"]["recall_at_10"] > 5 * single["own"]["chance"]
    paired = answer["paired", "text → image"]
    assert paired["own"]["recall_at_10"] > single["own"]["recall_at_10"], (
        "a query that sees its answer finds more"
    )


def test_an_index_is_looked_after(capsys, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (9, 9), (ord(name), 0, 0)).save(tmp_path / name / "x.png")
        run(capsys, "index", tmp_path / name, "--out", tmp_path / "index", "--quiet")
    (tmp_path / "a").rename(tmp_path / "c")
    code, result, printed = run(capsys, "upkeep", tmp_path / "index", "check")
    assert (code, len(result["findings"])) == (0, 1)
    assert "1 pictures are not where they were" in printed
    code, result, _ = run(capsys, "upkeep", tmp_path / "index", "move", tmp_path / "a", tmp_path / "c")
    assert result == {"roots": [str(tmp_path / name) for name in ("c", "b")], "pictures": 2}
    _, result, _ = run(capsys, "upkeep", tmp_path / "index", "drop", tmp_path / "b")
    assert (result["dropped"], result["pictures"]) == (1, 1)
    _, result, _ = run(capsys, "upkeep", tmp_path / "index", "compact")
    assert result["bytes"] > 0
    for action in ("repair", "check"):
        code, result, _ = run(capsys, "upkeep", tmp_path / "index", action)
        assert (code, result) == (0, {"findings": []})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["search", "bundled"], "nothing to search for"),
        (["search", "/no/such/index", "x"], "is not an index"),
        (["search", "bundled", "--image", "/no/such.png"], "was not found"),
        (["index", "/no/such/folder", "--out", "x"], "is not a folder"),
        (["index", ".", "--out", "x", "--checkpoint", "/no/such"], "was not found"),
        (["upkeep", "/no/such", "check"], "is not an index"),
        (["upkeep", "bundled", "move"], "needs to be told which folder"),
        (["use", "search", "/no/such.png", "--out", "x"], "was not found"),
        (["evaluate", "search", "--data", "/no/such"], "was not found"),
        (["import", "search", "/no/such.pkl", "--out", "x"], "was not found"),
        (["crossval", "search", "--data", "sample"], "has no cross-validation"),
        (["train", "search", "--set", "epochs=1"], "No data set was chosen"),
        (["train", "search", "--set", "network.bits=20"], "network.bits"),
    ],
)
def test_what_a_person_can_do_wrong(capsys, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    code, _, printed = run(capsys, *arguments)
    assert code == 2, printed
    assert words in printed


def test_a_gif_by_itself_as_query(capsys, tmp_path):
    Image.new("RGB", (9, 9), "red").save(tmp_path / "a.gif")
    code, result, _ = run(capsys, "search", "bundled", "--image", tmp_path / "a.gif", "--quiet")
    assert code == 0
    assert len(result["hits"]) == 10
