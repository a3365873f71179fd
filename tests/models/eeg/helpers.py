"""What the tests of EEG decoders have in common: settings of a small one, the terminal."""

import json

from models.cli import main

TINY = ["network.width=16", "network.blocks=1", "network.heads=2", "network.feed_forward=32", "network.kernel=7",
        "data.path=sample", "data.window_s=5", "batch_size=32", "learning_rate=0.002"]  # fmt: skip


def run(capsys, *arguments):
    code = main([*map(str, arguments), "--json"])
    out, err = capsys.readouterr()
    last = out.strip().splitlines()[-1] if out.strip() else "{}"
    return code, json.loads(last) if last.startswith("{") else {}, out + err
