"""Gains that follow attention: the voice that is listened to stays as it is, the others are turned down. NumPy only.

A hold against flapping: another voice has to be in front, and surely so, for some seconds before it is followed. Gains
move smoothly and by so many decibels at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SteeringSettings:
    """most_db: how far a voice is turned down. db_a_second: how fast. hold_s: how long another one has to be in front.
    sure: how certain that has to be, 0.5 to 1."""

    most_db: float = 12.0
    db_a_second: float = 6.0
    hold_s: float = 3.0
    sure: float = 0.7


class Steering:
    """followed: the voice that is in front for the ear; None until one surely was. bypass: all as they are."""

    def __init__(self, tracks: int, settings: SteeringSettings | None = None) -> None:
        self.settings = settings or SteeringSettings()
        self.bypass = False
        self.followed: int | None = None
        self._gains_db = np.zeros(tracks)
        self._candidate: int | None = None
        self._since_s = 0.0

    def decide(self, chosen: int, certainty: float, now_s: float) -> int | None:
        """The voice to follow, told what is listened to at `now_s` and how surely."""
        if chosen == self.followed or certainty < self.settings.sure:
            self._candidate = None
        elif chosen != self._candidate:
            self._candidate, self._since_s = chosen, now_s
        elif now_s - self._since_s >= self.settings.hold_s:
            self.followed, self._candidate = chosen, None
        return self.followed

    def gains(self, seconds: float) -> np.ndarray:
        """float64 [tracks], factors, `seconds` after the last time."""
        goal = np.zeros(len(self._gains_db))
        if self.followed is not None and not self.bypass:
            goal[:] = -self.settings.most_db
            goal[self.followed] = 0.0
        step = self.settings.db_a_second * seconds
        self._gains_db += np.clip(goal - self._gains_db, -step, step)
        result: np.ndarray = 10 ** (self._gains_db / 20)
        return result
