"""Speech as sequences for other systems: windows of log-mel frames, alike for whatever a clip's level was."""

from __future__ import annotations

import numpy as np
import torch

from models.emotion.config import FrontEndConfig
from models.emotion.features import SAMPLE_RATE, build_front_end
from models.errors import UserError
from models.remarks import Remark

BANDS, HOP_MS, STEPS = 64, 25, 32


def speech_windows(sound: np.ndarray, title: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Windows of 0.8 s, half overlapping: float32 [n, 32, 64] of log-mel frames, each less its own mean, and their
    levels in dB (of full scale, float32 [n]), which is what the mean would tell.

    sound: float32 [samples] at 16 kHz. Raises UserError where it is shorter than a window.
    """
    front_end = build_front_end(FrontEndConfig(bands=BANDS, hop_ms=HOP_MS), torch.device("cpu"))
    hop = round(0.001 * HOP_MS * SAMPLE_RATE)
    frames = front_end.features(sound)
    windows, levels = [], []
    for start in range(0, len(frames) - STEPS, STEPS // 2):
        window = frames[start : start + STEPS]
        windows.append(window - window.mean())
        part = sound[start * hop : (start + STEPS) * hop]
        levels.append(10 * np.log10(np.mean(part**2) + 1e-10))
    if not windows:
        raise UserError(
            "{name} is too short for a sequence.",
            "A window of 0.8 s and a little more is needed.",
            "Choose a longer recording.",
            name=title or Remark("The recording"),
        )
    return np.stack(windows).astype(np.float32), np.array(levels, np.float32)
