"""Getting to know a person: the running mean of how they sound, against which every utterance of theirs is heard.

What is constant in a voice, a room and a microphone lies in that mean, and goes with it. It is causal: it holds what was
heard so far. Of a stranger nothing is known, so it begins at the mean of the training's speakers, which counts as
`PRIOR_S` seconds of speech.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from models.voice_profiles import VoiceMean

PRIOR_S = 15.0  # chosen within the training's speakers


@dataclass
class Person:
    """One person's session. speech_s: seconds of speech that the mean holds; figures: float64 [figures], their sum
    weighted by the seconds; None before anything was heard."""

    speech_s: float = 0.0
    figures: np.ndarray | None = field(default=None, repr=False)

    @classmethod
    def known_by(cls, mean: VoiceMean | None) -> Person:
        """The person whose mean was kept; somebody of whom nothing is known for None."""
        return (
            cls() if mean is None else cls(mean.speech_s, np.asarray(mean.values, np.float64) * mean.speech_s)
        )

    def mean(self) -> VoiceMean | None:
        """What can be kept of them; None before anything was heard."""
        if self.figures is None or not self.speech_s:
            return None
        return VoiceMean(self.figures / self.speech_s, self.speech_s)

    def hear(self, figures: np.ndarray, seconds: float) -> None:
        """Take in so many seconds of new speech with these figures, float [figures]."""
        weighted = np.asarray(figures, np.float64) * seconds
        if self.figures is not None and len(self.figures) != len(weighted):
            raise ValueError("another model's figures: forget the person first")
        self.figures = weighted if self.figures is None else self.figures + weighted
        self.speech_s += seconds

    def reference(self, usual: np.ndarray) -> np.ndarray:
        """float32 [figures]: what the person is heard against; `usual` as long as nothing is known of them."""
        if self.figures is None:
            return np.asarray(usual, np.float32)
        known = PRIOR_S * np.asarray(usual, np.float64) + self.figures
        return (known / (PRIOR_S + self.speech_s)).astype(np.float32)

    def forget(self) -> None:
        """A stranger again."""
        self.speech_s, self.figures = 0.0, None
