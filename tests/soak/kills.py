"""A training run killed at twenty random moments and resumed each time: it must end as the unbroken one does."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "models" / "training"))

import test_exactness as exactness


def main(kills: int = 20, seed: int = 1) -> int:
    """Prints what happened; 0 if all is well."""
    with tempfile.TemporaryDirectory() as folder:
        settings = exactness.config(epochs=30, slow_s=0.01, dropout=0.1)
        whole = exactness.made(Path(folder) / "whole", settings)
        broken = exactness.made(Path(folder) / "broken", settings)
        exactness.Trainer(exactness.LineTask(settings), whole).train()
        exactness.killed_at_random(broken, kills, seed)
        exactness.Trainer(exactness.LineTask(settings), broken).train()
        ours, theirs = exactness.weights(whole), exactness.weights(broken)
        same = all(bool((theirs[name] == tensor).all()) for name, tensor in ours.items())
        curves = [exactness.Record.read(run).epochs["validation/error"].y.tolist() for run in (whole, broken)]
        print(
            f"{kills} kills: weights {'equal' if same else 'DIFFER'}, curve {'equal' if curves[0] == curves[1] else 'DIFFERS'}"
        )
        return 0 if same and curves[0] == curves[1] else 1


if __name__ == "__main__":
    raise SystemExit(main())
