"""Which library multiplies faster is measured once for each processor, and remembered."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch.nn import functional

from models.kernels import processor, products
from models.tables import write_json

ASK = "from models.kernels import processor; print(processor.onednn_is_faster())"
own_answer = processor.onednn_is_faster  # before the fixture of this folder answers for it


@pytest.fixture
def asked(monkeypatch):
    """The ratios measured, one by one, by processes that begin to know nothing."""
    measured: list[float] = []
    measure = processor._measured
    monkeypatch.setattr(processor, "_ratios", {})
    monkeypatch.setattr(processor, "HAS_ONEDNN", True)
    monkeypatch.setattr(processor, "_measured", lambda: measured.append(measure()) or measured[-1])
    return measured


def test_it_is_measured_once_and_remembered(asked, monkeypatch):
    answer = own_answer()
    assert answer == own_answer() == (asked[0] >= processor.CLEARLY)
    assert len(asked) == 1
    monkeypatch.setattr(processor, "_ratios", {})
    assert own_answer() == answer
    assert len(asked) == 1
    assert [item.name for item in processor.file().parent.iterdir()] == ["processor.json"]


def test_threads_that_ask_at_once_get_one_answer(asked):
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: own_answer(), range(32)))
    assert len(answers) == len(asked) == 1


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [0.9, 2.2])
def test_another_process_recalls_what_was_measured(ratio):
    write_json(processor.file(), {"onednn_over_plain": {"another processor": 1.0, processor.name(): ratio}})
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(ratio > processor.CLEARLY)]


@pytest.mark.parametrize("held", ["", "[1]", '{"onednn_over_plain": {"a": "b"}}', "[" * 100_000])
def test_a_damaged_memory_is_measured_anew(asked, held):
    processor.file().parent.mkdir(parents=True, exist_ok=True)
    processor.file().write_text(held)
    own_answer()
    assert len(asked) == 1
    assert processor._remembered() == {processor.name(): asked[0]}


def test_a_cache_that_cannot_be_written_costs_nothing_but_the_measuring(asked, tmp_path, monkeypatch):
    (tmp_path / "a file").touch()
    monkeypatch.setenv("POLYPHONY_HOME", str(tmp_path / "a file"))
    assert own_answer() == own_answer()
    assert len(asked) == 1


def test_measuring_draws_no_random_number_and_leaves_no_trace_in_a_gradient(asked):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    own_answer()
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("faster", [True, False])
def test_products_are_taken_by_the_faster_one(faster, monkeypatch):
    taken = []
    monkeypatch.setattr(processor, "onednn_is_faster", lambda: faster)
    monkeypatch.setattr(products, "onednn", lambda *given: taken.append(1) or functional.linear(*given))
    layer, x = products.Linear(100, 200), torch.randn(300, 100)
    layer(x).sum().backward()
    assert bool(taken) == faster
