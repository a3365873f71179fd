"""Quickly drawn dropout is dropout."""

import pytest
import torch

from models.kernels.dropout import Dropout


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_dropout_drops_its_share_and_keeps_the_mean(share):
    torch.manual_seed(0)
    dropout = Dropout(share)
    x = torch.ones(1000, 333)
    result = dropout(x)
    assert (result == 0).float().mean() == pytest.approx(share, abs=0.005)
    assert result.mean() == pytest.approx(1, abs=0.01)
    rows = (result == 0).float().mean(1)  # the draws of neighbours have nothing to do with one another
    assert rows.std() == pytest.approx((share * (1 - share) / 333) ** 0.5, rel=0.15)
    torch.testing.assert_close(dropout.eval()(x), x)
    torch.manual_seed(0)
    torch.testing.assert_close(dropout.train()(x), result)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.999, 1.0])
def test_hardly_any_or_nearly_all_may_go(share):
    result = Dropout(share)(torch.ones(1000))
    assert result.isfinite().all()
    assert ((result == 0).float().mean() - share).abs() < 0.02


def test_a_compiler_meets_torchs_own():
    dropout, x = Dropout(0.5), torch.ones(100)
    result = torch.compile(dropout, backend="eager", fullgraph=True)(x)
    assert set(result.tolist()) == {0.0, 2.0}
