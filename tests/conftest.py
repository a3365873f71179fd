"""For every test: one core a process, a home of its own, no network."""

import multiprocessing
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

import pytest


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
    left = set(multiprocessing.active_children()) - before
    end = time.monotonic() + 30  # one that was killed is buried in time, on a busy machine too
    for process in left:
        process.join(max(0.0, end - time.monotonic()))
    left &= set(multiprocessing.active_children())
    for process in left:
        process.kill()
        process.join(30)
    assert not left, "these processes did not end with the test that began them"
