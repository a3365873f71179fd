"""One process at a time: held by a live process, free after its end however it ended, damaged files block nobody."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from models import locks

HOLDING = """
import sys, time
from pathlib import Path
from models import locks
lock = locks.take(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def elsewhere(tmp_path):
    """Another process that holds the lock."""
    path = tmp_path / ".lock"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout.readline().strip() == b"held"
    yield path, process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_another_process_is_refused_and_named(elsewhere):
    path, process = elsewhere
    with pytest.raises(locks.Held) as held:
        locks.take(path)
    assert held.value.holder.pid == process.pid
    assert held.value.holder.host == socket.gethostname()
    assert locks.holder(path).pid == process.pid
    with pytest.raises(locks.Held):
        locks.take(path)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_lock_ends_with_its_process(elsewhere):
    path, process = elsewhere
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert locks.holder(path) is None
    with locks.taken(path) as lock:
        assert lock.left_by.pid == process.pid, "left behind, and told apart"
        assert locks.holder(path).pid == os.getpid()
        with pytest.raises(locks.Held):
            locks.take(path)
    assert locks.holder(path) is None
    with locks.taken(path) as lock:
        assert lock.left_by is None, "given back"


def test_a_holder_on_another_host_counts_while_it_beats(tmp_path):
    path = tmp_path / ".lock"
    path.write_text(json.dumps({"host": "another-host", "pid": 7, "started": 1.0, "since": 2.0}))
    assert locks.holder(path).host == "another-host"
    with pytest.raises(locks.Held):
        locks.take(path)
    long_ago = time.time() - 2 * locks.DEAD_AFTER_S
    os.utime(path, (long_ago, long_ago))
    assert locks.holder(path) is None
    locks.take(path).release()


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 5000, b"{}", b"[" * 4000, b'{"pid": 1e999}', b"\xff\xfe", b"3"]
)
def test_a_damaged_file_blocks_nobody(tmp_path, content):
    path = tmp_path / ".lock"
    path.write_bytes(content)
    assert locks.holder(path) is None
    locks.take(path).release()
    assert locks.holder(tmp_path / "missing") is None
