"""What is fetched for a picture once it is looked at: its code, and where in it the answer lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.tabs.search.grid import GridItem
from models.errors import UserError
from models.progress import Cancelled
from models.search.queries import Query

if TYPE_CHECKING:
    from app.tabs.search.search_page import SearchPage


async def heat(page: SearchPage, query: Query, shown: GridItem) -> None:
    """For the preview; a picture that is gone has no answer in it."""
    try:
        heat_map = await page.session.engine.heat_map(page.session.place, query, shown.path)
    except (Cancelled, UserError):
        return
    page.results.preview.show_heat(shown.id, heat_map)


async def code(page: SearchPage, shown: GridItem) -> None:
    """For the details, if they still show that picture."""
    try:
        bits = await page.session.engine.code(page.session.place, shown.id)
    except Cancelled:
        return
    if page.details.shown is shown:
        page.details.show_codes(None, bits)
