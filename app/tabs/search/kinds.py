"""The kinds of pictures that can be opened, as a file dialog wants them said."""

from __future__ import annotations

from app.i18n import tr


def picture_filter() -> str:
    """Exactly what the reader of pictures takes."""
    from models.search.pictures import (
        SUFFIXES,  # reads Pillow, which the first picture of the window need not wait for
    )

    return f"{tr('Pictures')} ({' '.join(f'*{suffix}' for suffix in sorted(SUFFIXES))})"
