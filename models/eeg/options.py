"""How recordings are decoded: the options of use."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from models.eeg.signal_config import check_notch
from models.settings import Options, setting


class DecodingOptions(Options):
    """How recordings are decoded, and what the decoded envelope is compared with."""

    stimulus: str = setting(
        "",
        "Stimulus",
        "What was heard, as a sound or its envelope: r is told, over all and over time.",
        path="file",
    )
    candidates: tuple[str, ...] = setting(
        (),
        "Candidates",
        "Two tracks or more, of which one was listened to: it is told which, by window length.",
    )
    subject: str = setting(
        "", "Subject", "One whom the decoder has learned from; anyone else is unknown to it."
    )
    history: str = setting(
        "",
        "History",
        "Preprocess as this file says, which the window or --also history has saved; then the options below do nothing.",
        path="file",
    )
    reference: str = setting(
        "",
        "EEG reference",
        "average, mastoids, none (as recorded), or names of channels with commas between; else as the decoder learned.",
        max_length=400,
    )
    notch_hz: float = setting(
        0.0, "Notch", "Take out the mains' frequency and its multiples; 0 does not.", unit="Hz", ge=0, le=250
    )
    ica: bool = setting(
        False, "Remove eyes and heart", "Take out components of an ICA that go with the eyes or the heart."
    )
    bad_channels: tuple[str, ...] = setting(
        (), "Bad channels", "Channels to be made up from their neighbours."
    )
    find_bad: bool = setting(
        True, "Find bad channels", "Look for channels that are flat, or much noisier than the others."
    )
    participant: str = setting("", "Participant", "Of a BIDS folder: whose recordings, such as 01.")
    session: str = setting("", "Session", "Of a BIDS folder: only of this session.")
    task: str = setting("", "Task", "Of a BIDS folder: only of this task.")
    run: str = setting("", "Run", "Of a BIDS folder: only this run.")
    also: tuple[Literal["annotations", "history", "script"], ...] = setting(
        (),
        "Also write",
        "Beside each result: annotations (CSV), history (JSON, to be run again), script (the same as MNE code).",
    )

    @model_validator(mode="after")
    def _notch(self) -> DecodingOptions:
        check_notch(self.notch_hz)
        return self


USUAL = DecodingOptions()
