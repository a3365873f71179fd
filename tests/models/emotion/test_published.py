"""Checkpoints of the published code, made here by their published names and shapes, come in and compute the same."""

import pytest
import torch

from models import checkpoint
from models.cli import main
from models.emotion import published
from models.emotion.network import NetworkConfig, build
from models.errors import UserError


def enhanced_state(hidden=16, speakers=10):
    torch.manual_seed(0)
    net = build(
        NetworkConfig(feature_dim=768, hidden=hidden, layers=3, speakers=speakers, fusion="published")
    )
    state = net.state_dict()
    state["pos_encoding.pe"] = torch.zeros(1000, 1, 2 * hidden)
    return net.eval(), state


def baseline_state():
    torch.manual_seed(0)
    net = build(
        NetworkConfig(kind="gru", feature_dim=768, hidden=24, layers=2, attention_over="published")
    ).eval()
    names = {
        "gru": "Utterance_net.bigru",
        "attention": "Utterance_net.matchatt",
        "head": "Utterance_net.hidden2label",
    }
    state = {
        f"{names[name.split('.')[0]]}.{name.split('.', 1)[1]}": value
        for name, value in net.state_dict().items()
    }
    state["Utterance_net.input2hidden.weight"] = torch.zeros(3, 3)
    state["feature_extractor.conv.weight"] = torch.zeros(2)
    return net, state


@pytest.mark.parametrize(
    "wrapping",
    [
        lambda s: s,
        lambda s: {"model_state_dict": s, "epoch": 3},
        lambda s: {f"module.{n}": v for n, v in s.items()},
    ],
)
@pytest.mark.parametrize("make", [enhanced_state, baseline_state])
def test_comes_in_and_computes_the_same(make, wrapping):
    net, state = make()
    imported = published.imported(wrapping(state))
    ours = build(NetworkConfig(**imported.info.network)).eval()
    ours.load_state_dict(imported.weights)
    x, lengths = torch.randn(2, 20, 768), torch.tensor([20, 11])
    torch.testing.assert_close(ours(x, lengths).logits, net(x, lengths).logits, rtol=0, atol=0)
    assert imported.remarks  # the position table, the unused layer: told, not dropped in silence


def test_speakers_are_read_off_the_shapes():
    info = published.imported(enhanced_state(speakers=10)[1]).info
    assert info.network["speakers"] == 10
    assert info.network["fusion"] == "published"


def test_what_it_is_not():
    with pytest.raises(UserError, match="not a checkpoint of the published"):
        published.imported({"layer.weight": torch.zeros(2)})
    with pytest.raises(UserError, match="no weights by name"):
        published.imported([1, 2, 3])
    _, state = enhanced_state()
    del state["self_attention.w_o.weight"]
    with pytest.raises(UserError, match="lacks self_attention"):
        published.imported(state)


def test_from_the_terminal(tmp_path, capsys):
    torch.save(enhanced_state()[1], tmp_path / "model.pth")
    assert main(["import", "emotion", str(tmp_path / "model.pth"), "--out", str(tmp_path / "out")]) == 0
    assert checkpoint.read_info(tmp_path / "out", "emotion").preprocessing["front_end"]["kind"] == "hubert"
    assert "Not used: pos_encoding.pe" in capsys.readouterr().out


def test_the_baseline_computes_what_was_published():
    """Against a loop written from the description: for every time step, general attention over the utterances of the batch."""
    torch.manual_seed(1)
    gru = torch.nn.GRU(768, 24, 2, batch_first=True, bidirectional=True)
    transform, out = torch.nn.Linear(48, 48, bias=False), torch.nn.Linear(48, 4)
    state = {f"Utterance_net.bigru.{name}": value for name, value in gru.state_dict().items()}
    state["Utterance_net.matchatt.transform.weight"] = transform.weight
    state |= {f"Utterance_net.hidden2label.{name}": value for name, value in out.state_dict().items()}
    imported = published.imported({name: value.detach() for name, value in state.items()})
    assert any("attention does nothing" in str(remark) for remark in imported.remarks)
    ours = build(NetworkConfig(**imported.info.network)).eval()
    ours.load_state_dict(imported.weights)
    x = torch.randn(1, 15, 768)
    with torch.no_grad():
        memory = gru(x)[0].transpose(0, 1)  # time, batch, features
        attended = []
        for step in memory:  # [batch, features]: each utterance looks at all utterances of the batch
            weights = (transform(step) @ step.T).softmax(-1)
            attended.append(torch.tanh(weights @ step))
        pooled = torch.stack(attended).amax(0)
        wanted = out(torch.nn.functional.leaky_relu(pooled))
        torch.testing.assert_close(ours(x, torch.tensor([15])).logits, wanted, rtol=1e-5, atol=1e-6)


def test_the_baselines_preset_is_as_published():
    from models.training.config import preset

    values = preset("emotion", "baseline-hubert")
    assert (values["network"]["dropout"], values["data"]["balance"]) == (0.2, "none")
    assert {values["augment"][name] for name in ("noise", "stretch", "mask")} == {0.0}
    assert values["network"]["attention_over"] == "published"
