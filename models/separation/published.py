"""Networks of other programs: torchaudio's state dicts and Asteroid's checkpoint files, read by their names; and back.

No code of theirs is run: `checkpoint.load_foreign` has read the file as plain values and tensors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from models.checkpoint import CheckpointInfo, fit
from models.errors import UserError
from models.loading import Opened
from models.remarks import Remark
from models.separation.network import NetworkConfig, build

ASTEROID_MODELS = ("ConvTasNet", "DPRNNTasNet")  # of which the first is ours
FREE_FILTERS = ("free", "FreeFB")
RATE = 8_000  # of what torchaudio ships, and of files that do not say
LOUDNESS_DB = -25.0

_Found = tuple[
    NetworkConfig, dict[str, Tensor], int, tuple[Remark, ...]
]  # config, weights, sample rate, remarks


def imported(content: Any, title: str = "") -> Opened:
    """What a file of torchaudio or Asteroid held, as ours. Raises UserError where it is neither.

    It hears each stretch once and leaves the levels of its tracks, so that its output is that of the network it came from.
    """
    config, weights, sample_rate, remarks = _read(content)
    network = build(config)
    fit(network, weights)
    info = CheckpointInfo(
        system="separation",
        title=title or f"{config.speakers} speakers",
        network=asdict(config),
        preprocessing={
            "sample_rate": sample_rate,
            "loudness_db": LOUDNESS_DB,
            "test_time_augmentation": 1,
            "match_levels": False,
        },
        card=f"# {title}\n\nBrought in from a file of another program.\n" if title else "",
    )
    return Opened(weights, info, remarks)


def _read(content: Any) -> _Found:
    if isinstance(content, Mapping) and "model_name" in content and "state_dict" in content:
        return _from_asteroid(content)
    for name in ("state_dict", "model", "model_state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
    if isinstance(content, Mapping):
        state = {
            str(key).removeprefix("module.").removeprefix("model."): value for key, value in content.items()
        }
        if "encoder.weight" in state and any(key.startswith("mask_generator.") for key in state):
            return _from_torchaudio(state)
    raise UserError(
        "The file holds no Conv-TasNet that is known.",
        "Its weights have neither the names of torchaudio's ConvTasNet nor those of Asteroid.",
        "Choose a state dict of torchaudio's ConvTasNet, or a checkpoint file that Asteroid published.",
    )


def _from_torchaudio(state: dict[str, Any]) -> _Found:
    try:
        filters, _, length = state["encoder.weight"].shape
        inner = state["mask_generator.conv_layers.0.conv_layers.0.weight"]
        kernel = state["mask_generator.conv_layers.0.conv_layers.3.weight"].shape[-1]
        skip = state["mask_generator.conv_layers.0.skip_out.weight"].shape[0]
        outputs = state["mask_generator.output_conv.weight"].shape[0]
    except (KeyError, AttributeError, ValueError) as error:
        raise _incomplete(error) from error
    numbers = [re.match(r"mask_generator\.conv_layers\.(\d+)\.", key) for key in state]
    count = 1 + max(int(match.group(1)) for match in numbers if match)
    repeats, blocks = _repeats(count)
    config = NetworkConfig(
        speakers=outputs // filters,
        filters=filters,
        filter_length=length,
        stride=length // 2,
        bottleneck=inner.shape[1],
        skip=skip,
        hidden=inner.shape[0],
        kernel=kernel,
        blocks=blocks,
        repeats=repeats,
    )
    remarks = (
        Remark(
            "The file does not say how its {count} blocks repeat: {repeats} times {blocks} was assumed, with ReLU masks and {rate} Hz. Where that is wrong, correct checkpoint.json.",
            count=count,
            repeats=repeats,
            blocks=blocks,
            rate=RATE,
        ),
    )
    return config, {key: _tensor(value) for key, value in state.items()}, RATE, remarks


def _repeats(count: int) -> tuple[int, int]:
    """(R, X) of so many blocks, as papers have it: eight a repeat, else the fewest repeats of at most eight."""
    for blocks in (8, 7, 6, 5, 4, 3, 2, 1):
        if count % blocks == 0:
            return count // blocks, blocks
    return count, 1


_ASTEROID_NORMS = {"gLN": "gLN", "cLN": "frame"}
_ASTEROID_BLOCK = {
    "shared_block.0": "conv_layers.0",
    "shared_block.1": "conv_layers.1",
    "shared_block.2": "conv_layers.2",
    "shared_block.3.0": "conv_layers.3",
    "shared_block.3": "conv_layers.3",
    "shared_block.4": "conv_layers.4",
    "shared_block.5": "conv_layers.5",
    "res_conv": "res_out",
    "skip_conv": "skip_out",
}
_ASTEROID_REST = {
    "encoder.filterbank._filters": "encoder.weight",
    "decoder.filterbank._filters": "decoder.weight",
    "masker.bottleneck.0.gamma": "mask_generator.input_norm.weight",
    "masker.bottleneck.0.beta": "mask_generator.input_norm.bias",
    "masker.bottleneck.1.weight": "mask_generator.input_conv.weight",
    "masker.bottleneck.1.bias": "mask_generator.input_conv.bias",
    "masker.mask_net.0.weight": "mask_generator.output_prelu.weight",
    "masker.mask_net.1.weight": "mask_generator.output_conv.weight",
    "masker.mask_net.1.bias": "mask_generator.output_conv.bias",
}


def _from_asteroid(content: Mapping[str, Any]) -> _Found:
    """A dict of `model_name`, `model_args`, `state_dict`."""
    name, asked, state = content["model_name"], content.get("model_args"), content["state_dict"]
    if name != "ConvTasNet" or not isinstance(asked, Mapping) or not isinstance(state, Mapping):
        raise _refused("It is a {model}.", model=name)
    causal = bool(asked.get("causal", False))
    norm = str(asked.get("norm_type", "gLN"))
    if causal and norm not in ("cLN", "cgLN"):
        norm = "cLN"  # as Asteroid replaces it
    filters = int(asked.get("n_filters", 512))
    activation = asked.get("encoder_activation") or "linear"
    mask = str(asked.get("mask_act", "sigmoid"))
    if str(asked.get("fb_name", "free")) not in FREE_FILTERS:
        raise _refused("Its filters are {kind}, not learned ones.", kind=asked.get("fb_name"))
    if norm not in _ASTEROID_NORMS:
        raise _refused("Its normalisation {kind} is not known.", kind=norm)
    if mask not in ("relu", "sigmoid", "softmax") or activation not in ("linear", "relu"):
        raise _refused("Its activations {kinds} are not known.", kinds=f"{mask}, {activation}")
    if not asked.get("skip_chan", 128) or int(asked.get("out_chan") or filters) != filters:
        raise _refused("It has no skip paths, or masks of another width.")
    length = int(asked.get("kernel_size", 16))
    config = NetworkConfig(
        speakers=int(asked.get("n_src", 2)),
        filters=filters,
        filter_length=length,
        stride=int(asked.get("stride") or length // 2),
        bottleneck=int(asked.get("bn_chan", 128)),
        skip=int(asked.get("skip_chan", 128)),
        hidden=int(asked.get("hid_chan", 512)),
        kernel=int(asked.get("conv_kernel_size", 3)),
        blocks=int(asked.get("n_blocks", 8)),
        repeats=int(asked.get("n_repeats", 3)),
        norm=_ASTEROID_NORMS[norm],  # type: ignore[arg-type]
        causal=causal,
        mask_activation=mask,  # type: ignore[arg-type]
        encoder_relu=activation == "relu",
        edges="none",
    )
    last = config.blocks * config.repeats - 1
    weights = {}
    for key, value in state.items():
        ours = _asteroid_name(str(key))
        if ours is not None and ours.rsplit(".", 1)[0] != f"mask_generator.conv_layers.{last}.res_out":
            weights[ours] = _tensor(value)
    rate = asked.get("sample_rate")
    remarks = (
        () if rate else (Remark("The file does not say its sample rate: {rate} Hz was assumed.", rate=RATE),)
    )
    return config, weights, round(float(rate)) if rate else RATE, remarks


def _asteroid_name(key: str) -> str | None:
    """Our name of one of Asteroid's weights; None for buffers that hold nothing learned."""
    if key in _ASTEROID_REST:
        return _ASTEROID_REST[key]
    match = re.match(r"masker\.TCN\.(\d+)\.(.+)\.(weight|bias|gamma|beta)$", key)
    if match and match.group(2) in _ASTEROID_BLOCK:
        kind = {"gamma": "weight", "beta": "bias"}.get(match.group(3), match.group(3))
        return f"mask_generator.conv_layers.{match.group(1)}.{_ASTEROID_BLOCK[match.group(2)]}.{kind}"
    if key.endswith((".torch_window", "._sample_rate")):
        return None
    raise _refused("It has weights called {name}.", name=key)


def for_torchaudio(
    config: NetworkConfig, weights: Mapping[str, Tensor]
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """(arguments of `torchaudio.models.ConvTasNet`, its state dict). Raises UserError for what it cannot compute."""
    unlike = {
        "norm gLN": config.norm != "gLN",
        "causal false": config.causal,
        "encoder_relu false": config.encoder_relu,
        "edges half": config.edges != "half",
        "skip as wide as bottleneck": config.skip != config.bottleneck,
        "mask_activation relu or sigmoid": config.mask_activation == "softmax",
        "stride half of filter_length": 2 * config.stride != config.filter_length,
    }
    if any(unlike.values()):
        raise UserError(
            "torchaudio's ConvTasNet cannot compute this network.",
            "It computes only networks with {settings}, and this one has another choice.",
            "Keep it in Polyphony's own format, or train one with these settings, as preset default has them.",
            settings=", ".join(name for name, differs in unlike.items() if differs),
        )
    arguments = {
        "num_sources": config.speakers,
        "enc_kernel_size": config.filter_length,
        "enc_num_feats": config.filters,
        "msk_kernel_size": config.kernel,
        "msk_num_feats": config.bottleneck,
        "msk_num_hidden_feats": config.hidden,
        "msk_num_layers": config.blocks,
        "msk_num_stacks": config.repeats,
        "msk_activate": config.mask_activation,
    }
    return arguments, {name: weight.float() for name, weight in weights.items()}


def _tensor(value: Any) -> Tensor:
    if not isinstance(value, Tensor):
        raise _refused("Its weights are no tensors.")
    return value.detach().to(torch.float32)


def _refused(why: str, **values: object) -> UserError:
    return UserError(
        "The file holds a network that cannot be brought in.",
        why,
        "Choose a Conv-TasNet with learned filters.",
        **values,
    )


def _incomplete(error: Exception) -> UserError:
    return UserError(
        "The file holds no whole ConvTasNet.",
        "It lacks {name}.",
        "Copy it again from where it came from.",
        name=str(error).strip("'\""),
    )
