"""How sequences are observed: the options of use."""

from __future__ import annotations

from models.settings import Options, setting


class ObservationOptions(Options):
    """What is silenced while sequences are observed."""

    muted: tuple[str, ...] = setting(
        (), "Muted", "Roles whose messages, feedback and final outputs are held at zero."
    )


USUAL = ObservationOptions()
