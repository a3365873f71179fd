"""The talkers of a live session, heard: mixed as they arrive, the one that is listened to in front."""

from __future__ import annotations

import time
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from app.audio import portaudio
from app.audio.mixer import Block, Mixer
from models.errors import UserError

if TYPE_CHECKING:
    from sounddevice import OutputStream


class LiveVoice:
    """Sound out. `feed` is called as sounds arrive; what the device has no room for is left out, so that it stays close."""

    def __init__(self, tracks: int, rate: float) -> None:
        """Raises UserError where there is no device. Takes up to seconds: not for the GUI thread."""
        self._mixer = Mixer(tracks, round(rate), 1, [1.0] * tracks)
        sounddevice = portaudio.module()
        try:
            self._stream = portaudio.open_stream(self._opened)
        except sounddevice.PortAudioError as error:
            raise UserError(
                "The talkers cannot be played.",
                "{reason}.",
                "Check that loudspeakers or headphones are connected.",
                reason=str(error).rstrip("."),
            ) from error

    def _opened(self, module: ModuleType) -> OutputStream:
        def callback(out: np.ndarray, frames: int, _times: object, _status: object) -> None:
            out[:] = self._mixer.pull(frames, time.monotonic())

        return module.OutputStream(
            samplerate=self._mixer.rate, channels=1, dtype="float32", callback=callback
        )

    def feed(self, sound: np.ndarray, gains: np.ndarray) -> None:
        """sound: float32 [n, tracks]; gains: [tracks]."""
        self._mixer.set_gains(list(gains))
        if len(sound) and self._mixer.room():
            self._mixer.feed(Block(0, 0.0, np.ascontiguousarray(sound[:, :, None], np.float32), False))

    def close(self) -> None:
        """Lets go of the device. Takes up to seconds."""
        portaudio.close_stream(self._stream)
