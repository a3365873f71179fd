"""Files of torchaudio and of Asteroid in, and torchaudio's out."""

import pytest
import soundfile
import torch
from torch.nn import functional

import models.torchaudio_cpu  # noqa: F401
from models import checkpoint
from models.cli import main
from models.errors import UserError
from models.separation import commands, network, published
from models.separation.config import SeparationConfig
from models.separation.network import NetworkConfig
from models.separation.separator import Separator
from models.separation.task import network_config
from models.settings import validated
from models.training.config import preset


def asteroid_file(**changes):
    """A checkpoint by Asteroid's published layout, with random weights."""
    arguments = {
        "fb_name": "free", "kernel_size": 16, "n_filters": 20, "stride": 8, "sample_rate": 8000.0, "in_chan": 20,
        "out_chan": 20, "bn_chan": 10, "hid_chan": 14, "skip_chan": 9, "conv_kernel_size": 3, "n_blocks": 2,
        "n_repeats": 2, "n_src": 2, "norm_type": "gLN", "mask_act": "relu", "causal": False, "encoder_activation": None,
        **changes,
    }  # fmt: skip
    torch.manual_seed(0)
    inside = "shared_block.3.0" if arguments["causal"] else "shared_block.3"
    shapes = {
        "encoder.filterbank._filters": (20, 1, 16), "decoder.filterbank._filters": (20, 1, 16),
        "masker.bottleneck.0.gamma": (20,), "masker.bottleneck.0.beta": (20,),
        "masker.bottleneck.1.weight": (10, 20, 1), "masker.bottleneck.1.bias": (10,),
        "masker.mask_net.0.weight": (1,), "masker.mask_net.1.weight": (40, 9, 1), "masker.mask_net.1.bias": (40,),
    }  # fmt: skip
    for block in range(4):
        shapes |= {
            f"masker.TCN.{block}.{name}": shape
            for name, shape in {
                "shared_block.0.weight": (14, 10, 1), "shared_block.0.bias": (14,), "shared_block.1.weight": (1,),
                "shared_block.2.gamma": (14,), "shared_block.2.beta": (14,), f"{inside}.weight": (14, 1, 3),
                f"{inside}.bias": (14,), "shared_block.4.weight": (1,), "shared_block.5.gamma": (14,),
                "shared_block.5.beta": (14,), "res_conv.weight": (10, 14, 1), "res_conv.bias": (10,),
                "skip_conv.weight": (9, 14, 1), "skip_conv.bias": (9,),
            }.items()
        }  # fmt: skip
    state = {name: 0.4 * torch.randn(shape) for name, shape in shapes.items()}
    infos = {"software_versions": {"torch_version": "1.7.1", "asteroid_version": "0.4.0"}}
    return {"model_name": "ConvTasNet", "model_args": arguments, "state_dict": state, "infos": infos}


def asteroids_output(content, mixture):
    """What Asteroid's layout means, written out: no padding, and the output filled up with silence at its end."""
    state, asked = content["state_dict"], content["model_args"]

    def normed(values, name):
        axes = (1, 2) if asked["norm_type"] == "gLN" else (1,)
        mean = values.mean(axes, keepdim=True)
        spread = values.var(axes, correction=0, keepdim=True)
        gain, bias = state[f"{name}.gamma"][:, None], state[f"{name}.beta"][:, None]
        return gain * (values - mean) / (spread + 1e-8).sqrt() + bias

    def convolved(values, name, **options):
        return functional.conv1d(values, state[f"{name}.weight"], state[f"{name}.bias"], **options)

    coded = functional.conv1d(mixture[:, None], state["encoder.filterbank._filters"], stride=8)
    if asked["encoder_activation"] == "relu":
        coded = coded.relu()
    passed, total = convolved(normed(coded, "masker.bottleneck.0"), "masker.bottleneck.1"), 0
    for block in range(4):
        name, dilation = f"masker.TCN.{block}", 2 ** (block % 2)
        inside = convolved(passed, f"{name}.shared_block.0")
        inside = functional.prelu(inside, state[f"{name}.shared_block.1.weight"])
        inside = normed(inside, f"{name}.shared_block.2")
        if asked["causal"]:
            inside = convolved(
                functional.pad(inside, (2 * dilation, 0)),
                f"{name}.shared_block.3.0",
                dilation=dilation,
                groups=14,
            )
        else:
            inside = convolved(
                inside, f"{name}.shared_block.3", dilation=dilation, groups=14, padding=dilation
            )
        inside = functional.prelu(inside, state[f"{name}.shared_block.4.weight"])
        inside = normed(inside, f"{name}.shared_block.5")
        passed, total = (
            passed + convolved(inside, f"{name}.res_conv"),
            total + convolved(inside, f"{name}.skip_conv"),
        )
    scores = convolved(functional.prelu(total, state["masker.mask_net.0.weight"]), "masker.mask_net.1")
    masks = scores.unflatten(1, (2, 20))
    masks = {"relu": masks.relu(), "sigmoid": masks.sigmoid(), "softmax": masks.softmax(1)}[asked["mask_act"]]
    masked = (masks * coded[:, None]).flatten(0, 1)
    sound = functional.conv_transpose1d(masked, state["decoder.filterbank._filters"], stride=8)
    sound = sound.unflatten(0, (-1, 2))[:, :, 0]
    return functional.pad(sound, (0, mixture.shape[-1] - sound.shape[-1]))


def brought_in(file):
    """Through the command line, into the folder ``imported`` beside the file."""
    assert main(["import", "separation", str(file), "--out", str(file.parent / "imported")]) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mask_act": "sigmoid", "encoder_activation": "relu"},
        {"mask_act": "softmax", "norm_type": "cLN"},
        {"causal": True, "norm_type": "cLN"},
    ],
)
def test_an_asteroid_file_gives_its_own_output(tmp_path, changes):
    content = asteroid_file(**changes)
    torch.save(content, tmp_path / "model.pth")
    brought_in(tmp_path / "model.pth")
    separator = Separator.load(tmp_path / "imported")
    assert separator.sample_rate == 8000
    torch.manual_seed(1)
    for samples in (16, 24, 403):
        mixture = torch.randn(2, samples)
        with torch.inference_mode():
            result = separator.network(mixture)
        torch.testing.assert_close(result, asteroids_output(content, mixture), rtol=1e-4, atol=1e-5)


def test_a_file_can_be_opened_without_importing_it(tmp_path):
    torch.save(asteroid_file(), tmp_path / "model.pth")
    separator = Separator.load(tmp_path / "model.pth")
    assert separator.separate(torch.randn(700).numpy(), 8000).shape == (2, 700)


def test_a_rate_that_is_not_said_is_told(tmp_path, capsys):
    content = asteroid_file()
    del content["model_args"]["sample_rate"]
    torch.save(content, tmp_path / "model.pth")
    brought_in(tmp_path / "model.pth")
    assert capsys.readouterr().out.count("8000 Hz was assumed") == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"fb_name": "stft"}, "stft"),
        ({"norm_type": "BN"}, "BN"),
        ({"mask_act": "tanh"}, "tanh"),
        ({"skip_chan": 0}, "skip"),
    ],
)
def test_what_is_not_ours_is_named(changes, why):
    with pytest.raises(UserError, match=why):
        published.imported(asteroid_file(**changes))


def test_other_networks_and_damaged_ones_are_refused():
    with pytest.raises(UserError, match="DPRNN"):
        published.imported({**asteroid_file(), "model_name": "DPRNNTasNet"})
    with pytest.raises(UserError, match="no Conv-TasNet"):
        published.imported({"weight": torch.zeros(3)})
    content = asteroid_file()
    content["state_dict"]["masker.extra.weight"] = torch.zeros(1)
    with pytest.raises(UserError, match=r"masker\.extra"):
        published.imported(content)
    state = network.build(NetworkConfig(filters=8, bottleneck=4, skip=4, hidden=4)).state_dict()
    del state["mask_generator.output_conv.weight"]
    with pytest.raises(UserError, match="output_conv"):
        published.imported(dict(state))


def test_a_file_with_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ("run",)

    torch.save({"model_name": "ConvTasNet", "state_dict": Evil()}, tmp_path / "model.pth")
    with pytest.raises(UserError, match="run code"):
        Separator.load(tmp_path / "model.pth")


def test_torchaudios_state_dict_in_and_out(tmp_path):
    from torchaudio.models import ConvTasNet

    torch.manual_seed(2)
    theirs = ConvTasNet(2, 16, 24, 3, 12, 20, 8, 3, "relu")
    torch.save(theirs.state_dict(), tmp_path / "theirs.pt")
    brought_in(tmp_path / "theirs.pt")
    config = NetworkConfig(**checkpoint.read_info(tmp_path / "imported", "separation").network)
    assert (config.repeats, config.blocks) == (3, 8)
    told = commands.export(tmp_path / "imported", tmp_path / "ours.pt")
    back = ConvTasNet(**told["arguments"])
    back.load_state_dict(torch.load(tmp_path / "ours.pt", weights_only=True))
    mixture = torch.randn(1, 900)
    with torch.inference_mode():
        ours = Separator.load(tmp_path / "imported").network(mixture)
        torch.testing.assert_close(ours, theirs(mixture[:, None]), rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(back(mixture[:, None]), theirs(mixture[:, None]))


def test_what_is_imported_gives_torchaudios_own_output_when_it_is_used(tmp_path):
    from torchaudio.models import ConvTasNet

    torch.manual_seed(4)
    theirs = ConvTasNet(2, 16, 24, 3, 12, 20, 8, 3, "sigmoid").eval()
    torch.save(theirs.state_dict(), tmp_path / "theirs.pt")
    brought_in(tmp_path / "theirs.pt")
    info = checkpoint.CheckpointInfo.model_validate_json(
        (tmp_path / "imported" / "checkpoint.json").read_text()
    )
    info.network["mask_activation"] = (
        "sigmoid"  # which the file does not say: it is corrected by hand, as is told
    )
    (tmp_path / "imported" / "checkpoint.json").write_text(info.model_dump_json())
    mixture = 0.1 * torch.randn(20_000)
    soundfile.write(tmp_path / "talk.wav", mixture.numpy(), 8_000, subtype="FLOAT")
    arguments = [
        "--checkpoint",
        tmp_path / "imported",
        "--out",
        tmp_path / "out",
        "--device",
        "cpu",
        "--quiet",
    ]
    assert main([str(item) for item in ("use", "separation", tmp_path / "talk.wav", *arguments)]) == 0
    with torch.inference_mode():
        expected = theirs(mixture[None, None])[0]
    for speaker, own in enumerate(expected, 1):
        track, _ = soundfile.read(tmp_path / "out" / "talk" / f"talk_speaker{speaker}.wav", dtype="float32")
        torch.testing.assert_close(
            torch.from_numpy(track), own, rtol=1e-4, atol=1e-4 * float(own.abs().max())
        )


def test_what_torchaudio_cannot_compute_is_not_exported(tmp_path):
    built = network.build(NetworkConfig(filters=8, bottleneck=4, skip=4, hidden=4, norm="cLN", causal=True))
    with pytest.raises(UserError, match="only networks with norm gLN, causal false, and"):
        published.for_torchaudio(built.config, built.state_dict())


def test_what_the_default_preset_trains_is_exported():
    from torchaudio.models import ConvTasNet

    config = validated(SeparationConfig, preset("separation", "default"))
    built = network.build(network_config(config))
    arguments, state = published.for_torchaudio(built.config, built.state_dict())
    ConvTasNet(**arguments).load_state_dict(state)
