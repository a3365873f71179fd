"""``make soak``: a run killed twenty times (alone with ``kills [SYSTEM…]``), then the live page for half an hour (or the minutes
given), with speech and pauses; memory and latency reported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil

from models import checkpoint
from models.emotion.samples import held_out_clips
from models.resources import resource
from tests.desktop.sound_server import SoundServer
from tests.soak import kills

JOURNEY = Path(__file__).parent.parent / "desktop" / "live_journey.py"
STEP_S = 6.5  # a clip and the pause after it


def main() -> int:
    if sys.argv[1:2] == ["kills"]:
        return kills.main(sys.argv[2:])
    return kills.main() or live()


def live() -> int:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    clips = held_out_clips(checkpoint.read_info(resource("checkpoints", "emotion"), "emotion"))
    steps = [str(clips[number % len(clips)]) for number in range(max(2, round(minutes * 60 / STEP_S)))]
    server = SoundServer()
    memory: list[float] = []
    told: list[dict] = []
    try:
        server.start()
        with tempfile.TemporaryDirectory() as home:
            environment = {
                **os.environ,
                **server.environment,
                "POLYPHONY_HOME": home,
                "QT_QPA_PLATFORM": "offscreen",
            }
            process = subprocess.Popen(
                [sys.executable, str(JOURNEY), *steps],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            watched = psutil.Process(process.pid)
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("{"):
                    told.append(json.loads(line))
                    if process.poll() is None and "words" in told[-1]:
                        memory.append(watched.memory_info().rss / 1e6)
            process.wait()
    finally:
        server.stop()
    latencies = np.array(told[-1].get("latencies_s", []))
    if not len(latencies) or len(memory) < 4:
        print("the session ended early")
        return 1
    half = len(memory) // 2
    print(
        f"{len(steps)} clips, latency of the last {len(latencies)} windows: median {np.median(latencies):.3f} s, p95 {np.percentile(latencies, 95):.3f} s"
    )
    print(f"skipped windows: {told[-1]['skipped']}")
    print(
        f"memory: first half {np.median(memory[:half]):.0f} MB, second half {np.median(memory[half:]):.0f} MB, most {max(memory):.0f} MB"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
