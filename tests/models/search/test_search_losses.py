"""Both losses against plain loops in float64, their kinship, and their behaviour at the edges."""

import math

import pytest
import torch
from torch.nn.functional import cosine_similarity, cross_entropy, normalize

from models.search import losses


def plain_contrastive(image, text, temperature, keep_self):
    rows = [row.tolist() for row in torch.cat([image, text]).double()]
    count, total = len(image), 0.0
    for i in range(2 * count):
        partner = (i + count) % (2 * count)
        below = sum(
            math.exp(_cosine(rows[i], rows[j]) / temperature) for j in range(2 * count) if keep_self or j != i
        )
        total -= math.log(math.exp(_cosine(rows[i], rows[partner]) / temperature) / below)
    return total / (2 * count)


def plain_balanced(image, text, temperature):
    images, texts = image.double().tolist(), text.double().tolist()
    count, total = len(images), 0.0
    positives, negatives, pairs = count, count * (count - 1), count**2
    for i in range(count):
        own = math.exp(_cosine(images[i], texts[i]) / temperature)
        others = sum(math.exp(_cosine(images[i], texts[j]) / temperature) for j in range(count) if j != i)
        total -= math.log(own / (own + pairs / negatives * others)) * pairs / positives
    return total / count


def _cosine(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.sqrt(
        sum(x * x for x in a) * sum(y * y for y in b)
    )


@pytest.fixture
def pair():
    torch.manual_seed(3)
    return torch.randn(7, 5), torch.randn(7, 5)


@pytest.mark.parametrize("temperature", [0.5, 0.1])
@pytest.mark.parametrize("keep_self", [False, True])
def test_contrastive_is_its_plain_definition(pair, temperature, keep_self):
    result = float(losses.contrastive(*pair, temperature, keep_self))
    assert result == pytest.approx(plain_contrastive(*pair, temperature, keep_self), rel=1e-5)


@pytest.mark.parametrize("temperature", [0.5, 0.1])
def test_balanced_is_its_plain_definition(pair, temperature):
    assert float(losses.balanced(*pair, temperature)) == pytest.approx(
        plain_balanced(*pair, temperature), rel=1e-5
    )


def test_balanced_is_parallel_to_one_directional_infonce():
    torch.manual_seed(0)
    image, text = torch.randn(128, 64, requires_grad=True), torch.randn(128, 64, requires_grad=True)
    ours = torch.autograd.grad(losses.balanced(image, text, 0.5), [image, text])
    alike = normalize(image, dim=-1) @ normalize(text, dim=-1).T / 0.5
    theirs = torch.autograd.grad(cross_entropy(alike, torch.arange(128)), [image, text])
    ours, theirs = (torch.cat([g.flatten() for g in pair]) for pair in (ours, theirs))
    assert float(cosine_similarity(ours, theirs, dim=0)) > 0.99999
    assert float(ours.norm() / theirs.norm()) == pytest.approx(128, rel=0.02)


@pytest.mark.parametrize("kind", losses.KINDS)
def test_stable_at_low_temperature(kind):
    torch.manual_seed(0)
    for scale in (1e-6, 1.0, 1e6):
        image = (torch.randn(256, 16) * scale).requires_grad_()
        text = image.detach().clone() * torch.where(torch.arange(256) % 2 == 0, 1.0, -1.0)[:, None]
        value = losses.loss(kind, image, text, 0.05)
        (gradient,) = torch.autograd.grad(value, image)
        assert torch.isfinite(value)
        assert torch.isfinite(gradient).all()


def test_published_ranges():
    """At the start of a training on 128 pairs, the first is around 5 and the second in the hundreds."""
    torch.manual_seed(0)
    image, text = torch.randn(128, 512), torch.randn(128, 512)
    assert 4.5 < float(losses.contrastive(image, text)) < 6
    assert 400 < float(losses.balanced(image, text)) < 800


def test_a_pair_alone_has_no_negatives():
    image = torch.randn(1, 4, requires_grad=True)
    assert float(losses.balanced(image, image)) == 0
    assert float(losses.contrastive(image, image)) == pytest.approx(0, abs=1e-6)


def test_unknown_loss():
    with pytest.raises(ValueError, match="triplet"):
        losses.loss("triplet", torch.ones(2, 2), torch.ones(2, 2))
