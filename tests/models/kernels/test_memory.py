"""A process that trains gives no memory back between its steps."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
import torch
from models.kernels import memory
from models.reverberation.network import NetworkConfig, ReverberationNet

torch.set_num_threads(1)
if sys.argv[1] == "keep":
    assert memory.keep_between_steps()
network, x = ReverberationNet(NetworkConfig()).train(), torch.randn(32, 10, 64)

def pages_of(steps):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(steps):
        network.zero_grad()
        output = network(x)
        (output.value.square().mean() + output.kl).backward()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

pages_of(10)
print(pages_of(10))
"""


def empty_pages(how: str) -> int:
    """Pages that the system hands out anew in ten steps of a process of its own."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps memory as it likes")
def test_memory_stays_between_steps():
    assert empty_pages("keep") < empty_pages("give back") / 4
