"""What the tests of the kernels share."""

from __future__ import annotations

import pytest

from models.kernels import processor


@pytest.fixture(autouse=True)
def by_onednn(monkeypatch):
    """Large products are oneDNN's on every processor, also where it is not the faster one: its way is to be right."""
    monkeypatch.setattr(processor, "onednn_is_faster", lambda: processor.HAS_ONEDNN)
