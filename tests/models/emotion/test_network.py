"""The networks: nobody in a batch sees another, padding is never seen, and the adversary pulls the right way."""

import math

import pytest
import torch

from models.emotion import network, padding
from models.emotion.network import (
    EnhancedGRUClassifier,
    GeneralAttention,
    GradientReversal,
    NetworkConfig,
    build,
)

CONFIGS = {
    "baseline": NetworkConfig(kind="gru", feature_dim=20, hidden=12, layers=2),
    "enhanced": NetworkConfig(feature_dim=20, hidden=8, layers=3, heads=4, speakers=6),
    "published fusion": NetworkConfig(
        feature_dim=20, hidden=24, layers=2, heads=4, speakers=6, fusion="published"
    ),
    "bundled": NetworkConfig(
        feature_dim=20,
        hidden=8,
        layers=1,
        heads=4,
        stack=4,
        input_norm="level",
        statistics=True,
        speaker_norm=False,
    ),
    "utterance": NetworkConfig(
        feature_dim=20, hidden=8, layers=1, heads=4, stack=3, input_norm="utterance", attention=False
    ),
    "layers mixed": NetworkConfig(kind="gru", feature_dim=20, hidden=8, layers=1, encoder_layers=3),
}
LENGTHS = torch.tensor([50, 33, 7, 1])


@pytest.fixture(params=CONFIGS, ids=list(CONFIGS))
def config(request):
    return CONFIGS[request.param]


@pytest.fixture
def net(config):
    torch.manual_seed(0)
    return build(config).eval()


@pytest.fixture
def features(config):
    torch.manual_seed(1)
    layers = (config.encoder_layers,) if config.encoder_layers else ()
    return torch.randn(4, 50, *layers, 20)


def outputs(output):
    return [part for part in (output.logits, output.speaker_logits, output.pooled) if part is not None]


def test_batch_mates_do_not_matter(net, features):
    together = net(features, LENGTHS)
    for number in range(4):
        alone = net(features[number : number + 1, : LENGTHS[number]], LENGTHS[number : number + 1])
        for a, b in zip(outputs(alone), outputs(together), strict=True):
            torch.testing.assert_close(a[0], b[number], rtol=0, atol=1e-6)


def test_padding_does_not_matter(net, features):
    plain = net(features, LENGTHS)
    dirty = features.clone()
    for number, length in enumerate(LENGTHS):
        dirty[number, length:] = 1e4
    longer = torch.cat([dirty, torch.full_like(dirty[:, :13], -7.0)], dim=1)
    for changed in (net(dirty, LENGTHS), net(longer, LENGTHS)):
        for a, b in zip(outputs(plain), outputs(changed), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


def test_order_in_the_batch_does_not_matter(net, features):
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(
        net(features, LENGTHS).logits[order], net(features[order], LENGTHS[order]).logits, rtol=0, atol=1e-6
    )


def test_attention_lies_within_the_utterance(net, config, features):
    attention = net(features, LENGTHS).attention
    torch.testing.assert_close(attention.sum(1), torch.ones(4))
    steps = -(-LENGTHS // config.stack)
    for row, length in zip(attention, steps, strict=True):
        assert (row[length:] == 0).all()
        assert (row[:length] > 0).all()


def test_every_weight_learns(config, features):
    torch.manual_seed(0)
    net = build(config).train()
    if hasattr(net, "reversal"):
        net.reversal.alpha = 1.0
    output = net(features[:3], LENGTHS[:3])
    loss = output.logits.square().sum() + output.pooled.sum()
    if output.speaker_logits is not None:
        loss = loss + output.speaker_logits.square().sum()
    loss.backward()
    silent = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    # What `published` computes and throws away learns nothing, and the key bias cancels in a softmax.
    excused = ("feature_enhancement",) if config.fusion == "published" else ()
    assert [n for n in silent if not n.startswith(excused) and not n.endswith("w_k.bias")] == []


def test_full_fusion_uses_what_published_throws_away():
    torch.manual_seed(0)
    x, lengths = torch.randn(2, 30, 20), torch.tensor([30, 20])
    for fusion, uses in (("full", True), ("published", False)):
        net = build(NetworkConfig(feature_dim=20, hidden=8, layers=1, heads=4, fusion=fusion)).eval()
        before = net(x, lengths).logits
        with torch.no_grad():
            for parameter in net.feature_enhancement.parameters():
                parameter.add_(0.5)
        assert bool((net(x, lengths).logits - before).abs().max() > 1e-4) is uses
        assert net.emotion_classifier[0].in_features == (80 if uses else 32)


def test_the_maximum_over_time_reaches_the_head_in_full_fusion():
    net = build(NetworkConfig(feature_dim=20, hidden=8, layers=1, heads=4)).eval()
    with torch.no_grad():
        net.emotion_classifier[0].weight[:, :48] = 0  # mean and enhanced features: switched off
    x, lengths = torch.randn(1, 30, 20), torch.tensor([30])
    assert (net(x, lengths).logits - net(2 * x, lengths).logits).abs().max() > 1e-5


def test_reversal_turns_the_gradient():
    reversal = GradientReversal()
    for alpha in (0.0, 0.3, 1.0):
        reversal.alpha = alpha
        x = torch.randn(3, 4, requires_grad=True)
        y = reversal(x)
        torch.testing.assert_close(y, x, rtol=0, atol=0)
        (y * torch.arange(4.0)).sum().backward()
        torch.testing.assert_close(x.grad, -alpha * torch.arange(4.0).expand(3, 4))


def test_the_adversary_pulls_features_away_from_the_speaker():
    torch.manual_seed(0)
    net = build(NetworkConfig(feature_dim=20, hidden=8, layers=1, heads=4, speakers=3, dropout=0)).eval()
    x, lengths, voices = torch.randn(6, 20, 20), torch.full((6,), 20), torch.tensor([0, 1, 2, 0, 1, 2])

    def gradient(alpha):
        net.zero_grad()
        net.reversal.alpha = alpha
        torch.nn.functional.cross_entropy(net(x, lengths).speaker_logits, voices).backward()
        return net.input_projection.weight.grad.clone(), net.speaker_classifier[0].weight.grad.clone()

    (shared_1, head_1), (shared_0, head_0), (shared_half, _) = gradient(1.0), gradient(0.0), gradient(0.5)
    assert shared_0.abs().max() == 0  # before it starts, the adversary does not touch the rest
    torch.testing.assert_close(head_0, head_1)  # but its own head learns all the time
    torch.testing.assert_close(shared_half, 0.5 * shared_1)


def test_attention_of_the_baseline_against_a_loop():
    torch.manual_seed(0)
    attention = GeneralAttention(6)
    states = torch.randn(2, 9, 6)
    mask = padding.valid(torch.tensor([9, 5]), 9)
    attended, _ = attention(states, mask)
    weight = attention.transform.weight
    for b, length in ((0, 9), (1, 5)):
        for t in range(length):
            scores = torch.stack([weight @ states[b, t] @ states[b, s] for s in range(length)]).softmax(0)
            by_hand = torch.tanh(sum(scores[s] * states[b, s] for s in range(length)))
            torch.testing.assert_close(attended[b, t], by_hand, rtol=1e-4, atol=1e-6)


def test_speaker_norm_removes_what_is_constant():
    norm = network.AdaptiveInstanceNorm(5)
    x = torch.randn(1, 40, 5)
    mask = torch.ones(1, 40, 1, dtype=torch.bool)
    torch.testing.assert_close(norm(x, mask), norm(3 * x + 7, mask), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(norm(x, mask).var(1, unbiased=False), torch.ones(1, 5), rtol=1e-3, atol=1e-3)


def test_level_normalisation_makes_loudness_irrelevant():
    """A gain adds a constant to log-mel features."""
    net = build(CONFIGS["bundled"]).eval()
    x, lengths = torch.randn(2, 40, 20), torch.tensor([40, 31])
    torch.testing.assert_close(net(x, lengths).logits, net(x + 3.0, lengths).logits, rtol=1e-4, atol=1e-5)


def test_positions_are_those_of_the_paper():
    table = network.positions(5, 6, torch.device("cpu"), torch.float32)
    for t in range(5):
        for i in range(3):
            angle = t / 10_000 ** (2 * i / 6)
            assert table[t, 2 * i] == pytest.approx(math.sin(angle), abs=1e-5)
            assert table[t, 2 * i + 1] == pytest.approx(math.cos(angle), abs=1e-5)


def test_sizes_of_the_spec():
    net = EnhancedGRUClassifier(NetworkConfig(feature_dim=768, speakers=8))
    assert net.input_projection.out_features == 512
    assert [gru.hidden_size for gru in net.gru_layers] == [512, 512, 512]
    assert net.self_attention.w_q.in_features == 1024
    assert [net.emotion_classifier[i].out_features for i in (0, 3, 6)] == [256, 128, 4]
    assert net.speaker_classifier[6].out_features == 8
    baseline = build(NetworkConfig(kind="gru", feature_dim=768, layers=2))
    assert baseline.head.in_features == 512
    assert baseline.attention.transform.bias is None


def test_averaged_heads_average_probabilities():
    a, b = torch.randn(3, 4), torch.randn(3, 4)
    mean = (a.softmax(-1) + b.softmax(-1)) / 2
    torch.testing.assert_close(network.averaged((a, b)).softmax(-1), mean)
