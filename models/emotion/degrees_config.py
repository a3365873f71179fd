"""How degrees of emotion are learned beside the classes. No torch: the window reads this."""

from __future__ import annotations

from pydantic import model_validator

from models.emotion.dimensions import DIMENSIONS
from models.training.config import Settings, contradiction, setting


class DegreesConfig(Settings):
    """A head for arousal, valence and dominance, where the data has them."""

    weight: float = setting(
        0.0,
        "Weight of degrees",
        "Share of 1 − CCC (concordance of arousal, valence and dominance, as the data has them) in the loss; 0 learns classes alone.",
        group="Degrees",
        ge=0,
        le=10,
    )
    names: list[str] = setting(
        [],
        "Degrees",
        "Which of arousal, valence and dominance to learn; empty takes those that the data has.",
        group="Degrees",
        advanced=True,
    )
    lowest: float = setting(
        0.0,
        "Lowest degree",
        "What a table's smallest possible value is, such as 1 on a scale of 1 to 5; IEMOCAP's scale is known.",
        group="Degrees",
        advanced=True,
    )
    highest: float = setting(
        1.0,
        "Highest degree",
        "What a table's largest possible value is, such as 5 on a scale of 1 to 5.",
        group="Degrees",
        advanced=True,
    )

    @model_validator(mode="after")
    def _possible(self) -> DegreesConfig:
        unknown = [name for name in self.names if name not in DIMENSIONS]
        if unknown:
            raise contradiction(
                "{names} is none of arousal, valence and dominance", "degrees.names", names=", ".join(unknown)
            )
        if self.lowest >= self.highest:
            raise contradiction(
                "the lowest degree, {lowest}, is not below the highest, {highest}",
                "degrees.lowest",
                "degrees.highest",
                lowest=self.lowest,
                highest=self.highest,
            )
        return self
