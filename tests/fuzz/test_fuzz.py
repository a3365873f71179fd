"""A few hundred mutants of each release's readers; ``make fuzz`` runs many more, in the same way."""

import sys

import pytest

from tests.fuzz.run import fuzz
from tests.fuzz.shares import SHARES

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits of memory are those of POSIX")
SLOW = ("checkpoints", "speech models", "picture models")  # a model is loaded for each


def gone_wrong(mutants, families):
    outcomes = [item for _, result in fuzz(mutants, 1_000_000, families) for item in result]
    assert {item.outcome for item in outcomes} & {"refused"}, "a mutator that changes nothing finds nothing"
    return [item for item in outcomes if item.outcome not in ("read", "refused")]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_mutants_are_read_or_refused_in_a_sentence():
    assert gone_wrong(440, [family for family in SHARES if family not in SLOW]) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_mutants_of_models_are_read_or_refused_in_a_sentence():
    assert gone_wrong(60, list(SLOW)) == []
