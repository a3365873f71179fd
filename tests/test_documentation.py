"""What the documentation says is run: every block of Python of the library's page, in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "library.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n+```python\n(.*?)```", PAGE, flags=re.S | re.M))


def test_every_system_has_a_section():
    assert len(SECTIONS) == 8  # five systems, this voice, kept voices, training


@pytest.mark.slow
@pytest.mark.parametrize("title", SECTIONS)
def test_the_librarys_page_runs_as_it_is_written(title, tmp_path):
    places = {"PYTHONPATH": str(ROOT), "POLYPHONY_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", SECTIONS[title]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, **places},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_readme_and_docs_say_what_the_figures_say():
    """Every published row and table of a model is made from ``docs/figures``, which one command makes."""
    from tools import figures

    lines = (ROOT / "README.md").read_text("utf-8").split("\n")
    assert len(figures.rows()) == 5
    for start, row in figures.rows().items():
        assert [line for line in lines if line.startswith(start)] == [row]
    for page, text in figures.pages().items():
        assert page.read_text("utf-8") == text, page.name


def test_the_cards_say_what_the_figures_say():
    """Of emotion and separation the tests of these systems say so."""
    from models.loading import read_info
    from tools import figures

    kept = figures.kept("eeg")
    for choice in figures.SHIPPED_EEG.values():
        card = read_info(choice, "eeg").card
        assert choice == "bundled" or figures.curve_line() in card
        assert (
            f"r **{kept[choice]['held_out']:.3f}**; chance, by scrambling\nthe envelope's phases, {kept[choice]['chance']:.3f}."
            in card
        )
    both = read_info("bundled", "eeg").card
    for name, row in kept["equal"]["dtu_12_subjects"]["decoders"].items():
        wider = f"| {row['unseen']['mean']:.3f} ± {row['unseen']['sd']:.3f} |"
        assert name not in figures.SHIPPED_EEG or (f"| {name} |" in both and wider in both)
    for name, choice in figures.SHIPPED_EEG.items():
        assert f"| {name} | {kept[choice]['r']:.3f} |" in both
    card = read_info("bundled", "search").card  # those of the other lengths refer to it
    for bits, item in figures.kept("search").items():
        assert f"{bits} bits, single | {item['map']:.3f} | {item['worst']:.3f} to {item['best']:.3f}" in card
    validation = read_info("bundled", "reverberation").metrics["validation/rmse"]
    assert validation == pytest.approx(figures.kept("reverberation")["mesh"]["rmse"], rel=1e-3)


def test_every_figure_says_how_it_was_made():
    from models.documents import read_json
    from tools import figures

    for system in figures.SYSTEMS:
        values = read_json(figures.FOLDER / f"{system}.json")
        assert values["command"].startswith("python ")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", values["made"])
        assert values["machine"]
        assert values["seconds"] is None or values["seconds"] >= 0


@pytest.mark.slow
def test_the_figures_are_what_the_models_do():
    """Made again on this machine, to what rounding leaves."""
    from models.documents import read_json
    from tools import figures

    kept = read_json(figures.FOLDER / "reverberation.json")["figures"]
    again = figures.reverberation()
    assert again["sequences"] == kept["sequences"]
    assert again["mesh"]["rmse"] == pytest.approx(kept["mesh"]["rmse"], rel=0.01)
    assert again["ridge on time means"]["rmse"] == pytest.approx(
        kept["ridge on time means"]["rmse"], rel=0.01
    )


def test_every_make_target_that_is_named_is_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    places = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "tools").glob("*.py")]
    named = {name for path in places for name in re.findall(r"`make ([a-z-]+)", path.read_text("utf-8"))}
    assert "figures" in named
    assert named <= targets
