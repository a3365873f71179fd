"""For every test: one core a process, a home of its own, no network."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

import pytest


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """Runs, caches and settings of a test go to its own folder."""
    home = tmp_path / "polyphony-home"
    monkeypatch.setenv("POLYPHONY_HOME", str(home))
    return home
