"""For every test: one core a process, a home of its own, no network."""

import multiprocessing
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

import pytest

from tests.processes import running


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """Runs, caches and settings of a test go to its own folder."""
    home = tmp_path / "polyphony-home"
    monkeypatch.setenv("POLYPHONY_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def no_process_left():
    """A test that leaves a process of multiprocessing behind takes from all that follow: told here rather than there."""
    before = set(multiprocessing.active_children())
    yield
    begun = set(multiprocessing.active_children()) - before
    left = running(begun) if begun else set()
    for process in left:
        process.kill()
    assert not left, "these processes did not end with the test that began them"
