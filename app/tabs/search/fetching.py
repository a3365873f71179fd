"""What is fetched for a picture once it is looked at: its code, and where in it the answer lies, and if it is a film, what comes after its first frame."""

from __future__ import annotations

from app.tabs.search.details import Details
from app.tabs.search.grid import GridItem
from app.tabs.search.preview import Preview
from app.tabs.search.session import SearchSession
from models.errors import UserError
from models.progress import Cancelled
from models.search.queries import Query


async def heat(session: SearchSession, preview: Preview, query: Query, shown: GridItem | None) -> None:
    """For the preview, of none where it shows none any more; a picture that is gone has no answer in it."""
    if shown is None:
        session.engine.explain_no_more()
        return
    try:
        heat_map = await session.engine.heat_map(session.place, query, shown.path)
    except (Cancelled, UserError):
        return
    preview.show_heat(shown.id, heat_map)


async def strip(session: SearchSession, preview: Preview, shown: GridItem | None) -> None:
    """For the preview, of none where it shows none any more."""
    if shown is None:
        session.engine.strip_no_more()
        return
    try:
        frames = await session.engine.film_strip(shown.path)
    except Cancelled:
        return
    preview.show_strip(shown.id, frames)


async def code(session: SearchSession, details: Details, shown: GridItem) -> None:
    """For the details, if they still show that picture."""
    try:
        bits = await session.engine.code(session.place, shown.id)
    except Cancelled:
        return
    if details.shown is shown:
        details.show_codes(None, bits)
