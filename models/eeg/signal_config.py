"""What is done to a signal before a decoder sees it, as settings. No torch: the window reads this."""

from __future__ import annotations

from pydantic import model_validator

from models.settings import Settings, contradiction, setting

LEAST_NOTCH_HZ = 10.0  # lower ones, and their multiples, would take the EEG itself away


class PreprocessingConfig(Settings):
    """From a raw recording to what a decoder sees; what it says goes into the checkpoint."""

    sample_rate: int = setting(
        64,
        "Sample rate",
        "EEG and envelope are brought to this rate.",
        unit="Hz",
        group="Signal",
        advanced=True,
        ge=16,
        le=512,
    )
    low_hz: float = setting(
        0.5, "High-pass", "Slower waves are removed; 0 leaves them.", unit="Hz", group="Signal", ge=0, le=20
    )
    high_hz: float = setting(
        32.0,
        "Low-pass",
        "Faster waves are removed, at most 0.45 of the sample rate.",
        unit="Hz",
        group="Signal",
        ge=1,
        le=250,
    )
    clip_sd: float = setting(
        20.0,
        "Clip",
        "Larger values are cut, in standard deviations of a channel; 0 cuts nothing.",
        unit="sd",
        group="Signal",
        advanced=True,
        ge=0,
        le=1000,
    )

    reference: str = setting(
        "average",
        "EEG reference",
        "What all channels are taken against: average, mastoids, none (as recorded), or names of channels with commas between.",
        group="Signal",
        min_length=1,
        max_length=400,
    )
    notch_hz: float = setting(
        0.0,
        "Notch",
        "The mains' frequency and its multiples are taken out, as far as the sample rate reaches; 0 takes nothing out.",
        unit="Hz",
        group="Signal",
        advanced=True,
        ge=0,
        le=250,
    )
    ica: bool = setting(
        False,
        "Remove eyes and heart",
        "Components of an ICA that go with the eyes or the heart are taken out of raw recordings; not live.",
        group="Signal",
    )

    @model_validator(mode="after")
    def _band(self) -> PreprocessingConfig:
        if self.low_hz >= self.high_hz:
            raise contradiction("the high-pass has to lie below the low-pass", "low_hz", "high_hz")
        check_notch(self.notch_hz)
        return self

    @property
    def top_hz(self) -> float:
        """The low-pass that is used: as asked for, where the sample rate can hold it."""
        return min(self.high_hz, 0.45 * self.sample_rate)


def check_notch(hz: float) -> None:
    """Raises for a notch that would take the EEG itself away."""
    if 0 < hz < LEAST_NOTCH_HZ:
        raise contradiction("a notch lies at 10 Hz or more, or there is none: 0", "notch_hz")
