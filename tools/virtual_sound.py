"""A sound card for machines without one: runs a command with a virtual microphone and loudspeaker (Linux, PulseAudio).

python tools/virtual_sound.py -- python -m app
python tools/virtual_sound.py --play speech.wav -- python -m app      # over and over into the microphone
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.desktop.sound_server import SoundServer


def main() -> int:
    """Run a command with a sound server of its own; its exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--play", type=Path, metavar="FILE", help="a sound to play into the microphone")
    parser.add_argument("command", nargs="+", help="what to run, after --")
    chosen = parser.parse_args()
    server = SoundServer()
    over = threading.Event()

    def keep_playing() -> None:
        while not over.is_set():
            if server.play(chosen.play).wait() != 0:
                return

    try:
        server.start()
        if chosen.play is not None:
            threading.Thread(target=keep_playing, daemon=True).start()
        return subprocess.run(chosen.command, env={**os.environ, **server.environment}).returncode
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        over.set()
        server.stop()


if __name__ == "__main__":
    raise SystemExit(main())
