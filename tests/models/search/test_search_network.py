"""Fusion hashing: a code depends on its own item only, an absent half is never seen."""

import numpy as np
import pytest
import torch

from models.search.network import FUSIONS, FusionHashing, NetworkConfig


def build(**changes) -> FusionHashing:
    torch.manual_seed(0)
    config = NetworkConfig(**{"dim": 16, "bits": 32, "feedforward": 32, "hidden": 24, **changes})
    return FusionHashing(config).double().eval()


@pytest.fixture
def batch():
    torch.manual_seed(1)
    return torch.randn(9, 16).double(), torch.randn(9, 16).double()


@pytest.mark.parametrize("fusion", FUSIONS)
def test_own_item_only(fusion, batch):
    network, (image, text) = build(fusion=fusion), batch
    whole = network(image, text)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    mixed = network(image[order], text[order])
    for whole_half, mixed_half in zip(whole, mixed, strict=True):
        for ours, theirs in zip(whole_half, mixed_half, strict=True):
            torch.testing.assert_close(ours[order], theirs, rtol=0, atol=1e-12)
    for i in range(9):
        alone = network(image[i : i + 1], text[i : i + 1])
        torch.testing.assert_close(alone[1].image[0], whole[1].image[i], rtol=0, atol=1e-12)
        torch.testing.assert_close(alone[1].text[0], whole[1].text[i], rtol=0, atol=1e-12)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_an_absent_half_is_not_seen(fusion, batch):
    network, (image, text) = build(fusion=fusion), batch
    alone = torch.tensor([[True, False]]).expand(9, 2)
    first = network.fuse(image, text, alone).image
    other = network.fuse(image, torch.full_like(text, torch.nan), alone).image
    torch.testing.assert_close(first, other)
    together = network.fuse(image, text).image
    assert not torch.allclose(first, together, atol=1e-3), "with its text, the fusion sees more"


@pytest.mark.parametrize("fusion", FUSIONS)
def test_training_mixes_single_and_paired_by_item(fusion, batch):
    network, (image, text) = build(fusion=fusion), batch
    sees = torch.zeros(9, 2, dtype=torch.bool)
    sees[4] = True
    halves = network(image, text, sees)[0]
    alone, together = (
        network.fuse(image, text, sees.clone().index_fill_(1, torch.tensor([0]), True)),
        network.fuse(image, text),
    )
    torch.testing.assert_close(halves.image[4], together.image[4])
    torch.testing.assert_close(halves.image[0], alone.image[0])


def test_shapes_lengths_and_signs(batch):
    network, (image, text) = build(bits=16), batch
    embeddings, codes = network(image, text)
    joined = torch.cat(embeddings, dim=-1)
    np.testing.assert_allclose(joined.norm(dim=-1).detach(), 1, rtol=1e-9)
    assert codes.image.shape == codes.text.shape == (9, 16)
    np.testing.assert_allclose(codes.image.norm(dim=-1).detach(), 1, rtol=1e-9)
    assert network.image_alone(image).norm(dim=-1).detach().numpy() == pytest.approx(1)


def test_without_tanh_the_input_is_not_normalised(batch):
    image, _ = batch
    squashed, plain = build(tanh=True), build(tanh=False)
    ours, scaled = (squashed.image_codes(image * factor) for factor in (1, 5))
    torch.testing.assert_close(ours, scaled)
    ours, scaled = (plain.image_codes(image * factor) for factor in (1, 5))
    assert not torch.allclose(ours, scaled, atol=1e-3)


def test_stage_one_has_no_codes(batch):
    network = build(bits=0)
    assert len(network(*batch)) == 1
    with pytest.raises(ValueError, match="stage 1"):
        network.image_codes(batch[0])


@pytest.mark.parametrize(("changes", "word"), [({"fusion": "sum"}, "fusion"), ({"heads": 3}, "heads")])
def test_impossible_networks(changes, word):
    with pytest.raises(ValueError, match=word):
        build(**changes)
