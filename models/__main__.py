"""``python -m models``: what the window does, from a terminal."""

from models.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
