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
    assert len(SECTIONS) == 6


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


def test_the_readmes_rows_are_those_of_the_figures():
    """Every published row of a model is made from ``docs/figures``, which one command makes from the models that ship."""
    from tools import figures

    lines = (ROOT / "README.md").read_text("utf-8").split("\n")
    for start, row in figures.rows().items():
        assert [line for line in lines if line.startswith(start)] == [row]


@pytest.mark.slow
def test_the_figures_are_what_the_models_do():
    """Made again on this machine, to what rounding leaves."""
    from models.files import read_json
    from tools import figures

    kept = read_json(figures.FOLDER / "reverberation.json")["figures"]
    again = figures.reverberation()
    assert again["sequences"] == kept["sequences"]
    assert again["mesh"]["rmse"] == pytest.approx(kept["mesh"]["rmse"], rel=0.01)
    assert again["ridge on time means"]["rmse"] == pytest.approx(
        kept["ridge on time means"]["rmse"], rel=0.01
    )
