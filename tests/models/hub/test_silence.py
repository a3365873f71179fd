"""Nothing leaves this machine but a download that was asked for: Python's audit hook sees every connection."""

import json
import os
import subprocess
import sys

import pytest

import models.torchaudio_cpu  # noqa: F401  before transformers
from tests.fake_hub import FakeHub, weights

# Runs in a process of its own: an audit hook cannot be taken off again.
WATCHED = """
import json, sys
seen = []
def watch(event, arguments):
    if event == "socket.connect":
        seen.append(str(arguments[1]))
    elif event == "socket.getaddrinfo":
        seen.append(str(arguments[0]))
sys.addaudithook(watch)
from models.cli import main
codes = [main(words) for words in json.loads(sys.argv[1])]
print()
print(json.dumps({"codes": codes, "seen": sorted(set(seen))}))
"""


def watched(*commands, **environment):
    """(exit codes, addresses that were connected to or looked up)."""
    given = {key: value for key, value in os.environ.items() if key != "HF_HUB_OFFLINE"} | environment
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, json.dumps(commands, default=str)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=given,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    return told["codes"], told["seen"], done.stderr


@pytest.fixture
def hubert(tmp_path):
    """A tiny classifier in Hugging Face's layout, which is loaded by transformers."""
    from transformers import HubertConfig, HubertForSequenceClassification, Wav2Vec2FeatureExtractor

    config = HubertConfig(
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
        classifier_proj_size=8,
        num_labels=3,
    )
    folder = tmp_path / "hubert"
    HubertForSequenceClassification(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_using_models_connects_to_nothing(tmp_path, hubert):
    """Even a name that is not here: where downloads are off, nobody is asked for it."""
    from models.resources import resource

    clip = next(resource("samples", "emotion", "audio").iterdir())
    out = ["--out", tmp_path / "o.csv", "--quiet"]
    codes, seen, told = watched(
        ["use", "emotion", "--checkpoint", hubert, clip, *out],
        ["search", "bundled", "smile", "--quiet"],
        ["models", "where", "--offline"],
        ["use", "emotion", "--checkpoint", "a/b", clip, *out],
        ["models", "list"],
        ["models", "verify"],
        ["list"],
    )
    assert (codes, seen) == ([0, 0, 0, 2, 0, 0, 0], []), told


def test_a_download_connects_to_the_chosen_hub_alone():
    with FakeHub({"a/b": {"config.json": b"{}", "model.safetensors": weights(20_000)}}) as hub:
        codes, seen, told = watched(["models", "fetch", "a/b", "--quiet"], HF_ENDPOINT=hub.address)
        assert codes == [0], told
        host = hub.address.removeprefix("http://").partition(":")[0]
        assert seen
        assert all(host in place for place in seen)
        assert {file for file, _ in hub.asked} == {"config.json", "model.safetensors"}
