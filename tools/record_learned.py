"""Add to a checkpoint what it was trained on, by content: ``python tools/record_learned.py SYSTEM CHECKPOINT --data PATH``.

For models that were trained before checkpoints said so. The data is read and split as the recorded config says, from
where it lies now; nothing is trained and no weight changes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from models import checkpoint, fingerprint, systems
from models.datafiles import write_whole
from models.progress import Progress
from models.settings import validated


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("system")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", required=True, help="where the data that it was trained on lies now")
    options = parser.parse_args()
    info = checkpoint.read_info(options.checkpoint, options.system)
    config = validated(systems.training_config(options.system), info.training["config"])
    config.data.path = options.data  # type: ignore[attr-defined]
    for name in ("start", "start_from"):
        if getattr(config, name, ""):
            setattr(config, name, "")
    task = systems.task(options.system, config)
    task.prepare(Progress())
    info.training |= fingerprint.recorded(info.training["config"], task.contents())
    write_whole(options.checkpoint / checkpoint.DESCRIPTION, info.model_dump_json(indent=2) + "\n")
    for name, used in task.contents().items():
        print(f"{name}: {len(used.items)} items, {len(set(used.groups))} groups")


if __name__ == "__main__":
    main()
