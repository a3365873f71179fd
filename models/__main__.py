"""``python -m models``: what the window does, from a terminal."""

import os

from models.cli import main

if __name__ == "__main__":
    code = main()
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        from models.training.distribution import leave

        leave(code)
    raise SystemExit(code)
