"""One command trains the ablations of separation and writes their page; what is told of them follows from the runs."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.training.record import Record
from models.training.run_folder import RunFolder
from tests.models.separation.helpers import FEW_MIXTURES, SMALL_NETWORK
from tools import ablate_separation as tool

SMALL = [
    "epochs=1",
    *FEW_MIXTURES,
]


@pytest.mark.slow
def test_one_command_trains_all_and_writes_the_page(tmp_path, capsys):
    def run(seeds):
        tool.main(
            [
                "--runs",
                str(tmp_path / "runs"),
                "--out",
                str(tmp_path),
                "--seeds",
                *seeds,
                "--set",
                *SMALL,
                *SMALL_NETWORK,
            ]
        )
        return json.loads((tmp_path / "separation-ablation.json").read_text("utf-8"))

    first = run(["1"])
    assert [row["preset"] for row in first["runs"]] == list(tool.VARIANTS)
    masks = {row["preset"]: row["largest_mask"] for row in first["runs"]}
    assert masks["ablation-sigmoid"] < 1
    both = run(["1", "2"])
    assert both["runs"][:4] == first["runs"]  # kept, and not trained again
    assert len(both["runs"]) == 8
    run_folder = RunFolder(tmp_path / "runs" / "ablation-raw-seed-2")
    assert Record.read(run_folder).epochs["validation/si_sdri"].y.max() == both["runs"][6]["gained"]
    assert run_folder.config()["mixing"]["normalise"] is False
    page = (tmp_path / "separation-ablation.md").read_text("utf-8")
    assert tool.table(both["runs"]) in page
    assert "1 epoch of 4 mixtures of 0.25 s" in page
    assert str(tmp_path) not in page + json.dumps(both)
    assert "`ablation-sigmoid`" in capsys.readouterr().out


def row(preset, seed, gained):
    return {
        "preset": preset,
        "seed": seed,
        "gained": gained,
        "last": gained,
        "largest_mask": 1.0,
        "seconds": 60.0,
    }


def test_what_is_told_of_the_seeds():
    rows = [
        row(name, seed, gained + 0.1 * seed)
        for seed in (1, 2)
        for name, gained in zip(tool.VARIANTS, (4.0, 3.0, 4.0, 4.5), strict=True)
    ]
    rows[2]["gained"] += 0.3  # of seed 1 alone
    rows[6]["gained"] -= 0.3
    assert (
        tool.verdict(rows, "ablation-sigmoid")
        == "- `ablation` over `ablation-sigmoid`: +1.00 dB (the seeds agree)."
    )
    assert (
        tool.verdict(rows, "ablation-raw")
        == "- `ablation` over `ablation-raw`: +0.00 dB (the seeds do not agree)."
    )
    assert (
        tool.verdict(rows, "ablation-halving")
        == "- `ablation` over `ablation-halving`: −0.50 dB (the seeds agree)."
    )
    assert tool.verdict(rows[:4], "ablation-raw").endswith("(one seed).")
    lines = tool.table(rows).splitlines()
    assert lines[2].startswith(
        "| `ablation` | ReLU, one level, warm-up and half a cosine | 4.15 ± 0.07 dB | 4.15 ± 0.07 dB | 1.00 ± 0.00 |"
    )
    assert "−1.00, −1.00" in lines[3]
    assert "+0.30, −0.30" in lines[4]


def test_page_and_text_say_what_was_measured():
    docs = Path(tool.__file__).parents[1] / "docs"
    figures = json.loads((docs / "separation-ablation.json").read_text("utf-8"))
    assert (docs / "separation-ablation.md").read_text("utf-8") == tool.written(figures)
    means = {
        name: np.mean([row["gained"] for row in figures["runs"] if row["preset"] == name])
        for name in tool.VARIANTS
    }
    text = (docs / "models.md").read_text("utf-8")
    less = {name: means[tool.BASE] - mean for name, mean in means.items()}
    assert f"masks by ReLU ({less['ablation-sigmoid']:.1f} dB over a sigmoid)" in text
    assert f"to one level ({less['ablation-raw']:.1f} dB over none, and the seeds disagree)" in text
    assert f"half a cosine ({-less['ablation-halving']:.1f} dB less than halving" in text
