"""The kinds of sound that can be opened, as a file dialog wants them said."""

from __future__ import annotations

from app.i18n import tr


def sound_filter() -> str:
    """Exactly what the reader of sound takes."""
    from models.audio import (
        AUDIO_SUFFIXES,  # reads soxr, which the first picture of the window need not wait for
    )

    return f"{tr('Sound')} ({' '.join(f'*{suffix}' for suffix in sorted(AUDIO_SUFFIXES))})"
