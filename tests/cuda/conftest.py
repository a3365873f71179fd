"""What needs a graphics card: marked `cuda`, and skipped with a word where there is none."""

from pathlib import Path

import pytest
import torch

from models import devices

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in Path(item.fspath).parents:
            item.add_marker(pytest.mark.cuda)
            if not torch.cuda.is_available():
                item.add_marker(pytest.mark.skip(reason="there is no CUDA card here"))


@pytest.fixture
def card():
    """The first card, with float32 as exact as everywhere in the program."""
    return devices.resolve("cuda:0").torch
