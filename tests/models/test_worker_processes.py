"""A process that works for another one ends with it."""

import subprocess
import sys

import psutil
import pytest

PARENT = """
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from models.worker_processes import end_with_parent

if __name__ == "__main__":
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=end_with_parent) as pool:
        pool.submit(time.sleep, 600)
        while not pool._processes:
            time.sleep(0.01)
        print(*pool._processes, flush=True)
        time.sleep(600)
"""


@pytest.mark.slow
def test_a_worker_that_is_busy_ends_when_its_parent_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    worker = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait(10)
    parent.stdout.close()
    assert psutil.wait_procs([worker], timeout=60)[1] == []
