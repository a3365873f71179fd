"""Every row of the benchmarks runs, on little work: what it measures then says nothing, that it measures does."""

import json
import shutil
import subprocess
import sys

import pytest

from tests.benchmarks.__main__ import ROWS
from tests.benchmarks.timing import ROOT
from tests.desktop.sound_server import NEEDED


@pytest.mark.slow
def test_every_row_runs_once():
    missing = [name for name in NEEDED if shutil.which(name) is None]
    rows = [name for name in ROWS if name != "emotion.live_path" or not missing]
    command = [sys.executable, "-m", "tests.benchmarks", "--quick", *rows]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    table = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(table) == 2 + len(rows), done.stderr[-3000:]
    assert not [line for line in table if "failed" in line], done.stderr[-3000:]
    assert done.returncode == 0


def test_a_row_that_fails_says_so_in_its_place():
    command = [sys.executable, "-m", "tests.benchmarks", "--only", "search.no_such_row"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    row = json.loads(done.stdout.strip().splitlines()[-1])
    assert "no_such_row" in row["failed"]
