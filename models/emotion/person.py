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
    """One person's session. speech_s: seconds of speech that the mean holds; functionals: float64 [functionals], their sum
    weighted by the seconds; None before anything was heard."""

    speech_s: float = 0.0
    functionals: np.ndarray | None = field(default=None, repr=False)

    @classmethod
    def known_by(cls, mean: VoiceMean | None) -> Person:
        """The person whose mean was kept; somebody of whom nothing is known for None."""
        return (
            cls() if mean is None else cls(mean.speech_s, np.asarray(mean.values, np.float64) * mean.speech_s)
        )

    def mean(self) -> VoiceMean | None:
        """What can be kept of them; None before anything was heard."""
        if self.functionals is None or not self.speech_s:
            return None
        return VoiceMean(self.functionals / self.speech_s, self.speech_s)

    def hear(self, functionals: np.ndarray, seconds: float) -> None:
        """Take in so many seconds of new speech with these functionals, float [functionals]."""
        weighted = np.asarray(functionals, np.float64) * seconds
        if self.functionals is not None and len(self.functionals) != len(weighted):
            raise ValueError("another model's functionals: forget the person first")
        self.functionals = weighted if self.functionals is None else self.functionals + weighted
        self.speech_s += seconds

    def reference(self, usual: np.ndarray) -> np.ndarray:
        """float32 [functionals]: what the person is heard against; `usual` as long as nothing is known of them."""
        if self.functionals is None:
            return np.asarray(usual, np.float32)
        known = PRIOR_S * np.asarray(usual, np.float64) + self.functionals
        return (known / (PRIOR_S + self.speech_s)).astype(np.float32)

    def forget(self) -> None:
        """A stranger again."""
        self.speech_s, self.functionals = 0.0, None
