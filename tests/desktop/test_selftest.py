"""The program tests itself as it does after a build: every tab's sample in a real window, and a training."""

import json
import os
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_the_programs_own_test_passes(display, running_sound_server, tmp_path):
    environment = {
        **os.environ,
        "DISPLAY": display,
        "QT_QPA_PLATFORM": "xcb",
        "POLYPHONY_HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-m", "app", "--selftest", "quick"],
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["problems"] == []
    assert {"emotion", "separation", "reverberation", "eeg", "search", "training"} <= set(told["times"])
    assert list(tmp_path.iterdir()) == []  # a person's own folder is left alone
