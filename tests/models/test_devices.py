"""Which processor computes, and what is done where a card's memory does not suffice."""

import pytest
import torch

from models import devices
from models.errors import UserError


def test_the_cpu_is_always_there():
    assert devices.available()[0].name == "cpu"
    assert devices.resolve("cpu") == devices.Device("cpu")
    assert devices.memory("cpu") is None


@pytest.mark.parametrize("choice", ["cuda:99", "cuda:x", "cuda:-1", "gpu", "tpu:0"])
def test_what_is_asked_for_and_not_there_is_refused(choice):
    with pytest.raises(UserError, match=f"no device {choice}") as caught:
        devices.resolve(choice)
    assert "cpu" in caught.value.sentences()[2]


@pytest.fixture
def two_cards(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(
        devices, "available", lambda: [devices.DeviceInfo("cpu", ""), devices.DeviceInfo("cuda:0", "")]
    )
    before = torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cudnn.allow_tf32 = before


def test_a_card_is_the_one_that_was_named(two_cards):
    torch.backends.cudnn.allow_tf32 = True
    assert devices.resolve("cuda:1").name == "cuda:1"
    assert devices.resolve("cuda").name == devices.resolve("auto").name == "cuda:0"
    assert not torch.backends.cudnn.allow_tf32  # float32 is float32
    with pytest.raises(UserError):
        devices.resolve("cuda:2")


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="there is a card")
def test_auto_says_why_a_card_is_not_used(monkeypatch):
    monkeypatch.setattr(devices, "_has_nvidia_card", lambda: False)
    assert devices.resolve("auto").remark is None
    monkeypatch.setattr(devices, "_has_nvidia_card", lambda: True)
    assert "No graphics card is used" in str(devices.resolve("auto").remark)
    with pytest.raises(UserError, match="no device cuda"):
        devices.resolve("cuda")


def fits(most, seen):
    def work(part):
        seen.append((part.start, part.stop))
        if part.stop - part.start > most:
            raise torch.OutOfMemoryError("not enough")
        return list(range(part.start, part.stop))

    return work


def test_parts_become_smaller_and_what_was_done_is_kept():
    seen = []
    result = [item for part in devices.in_parts(fits(3, seen), 10, 8) for item in part]
    assert result == list(range(10))
    assert seen == [(0, 8), (0, 4), (0, 2), (2, 4), (4, 6), (6, 8), (8, 10)]


def test_too_little_memory_for_the_least_is_a_persons_error():
    with pytest.raises(UserError, match="does not suffice"):
        next(devices.in_parts(fits(0, []), 10, 8))
    assert not list(devices.in_parts(fits(0, []), 0, 8))


def test_a_window_is_halved_until_it_fits():
    sizes = []

    def work(size):
        sizes.append(size)
        if size > 5:
            raise torch.OutOfMemoryError("not enough")
        return size

    assert devices.with_less(work, 20) == 5
    assert sizes == [20, 10, 5]
    with pytest.raises(UserError):
        devices.with_less(work, 20, least=8)


def test_other_errors_pass_through():
    def work(part):
        raise ValueError("another matter")

    with pytest.raises(ValueError, match="another matter"):
        list(devices.in_parts(work, 3, 2))
