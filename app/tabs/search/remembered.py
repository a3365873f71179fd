"""What the page of the search keeps over the end of the program."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from app.paths import path_or_name
from app.tabs.search.alike_box import AlikeBox
from app.tabs.search.filter_box import FilterBox
from app.tabs.search.index_control import IndexControl
from app.tabs.search.options import Options
from app.tabs.search.places import Places, is_index
from app.tabs.search.query_bar import QueryBar
from app.tabs.search.results import Results
from app.tabs.search.session import SearchSession


class Remembered(Protocol):
    """The parts of the page that have something to remember."""

    session: SearchSession
    query: QueryBar
    alike: AlikeBox
    settings: Options
    filters: FilterBox
    results: Results
    index: IndexControl


def state_of(page: Remembered) -> dict[str, object]:
    """As JSON can hold it."""
    return {
        "index": path_or_name(page.session.place.path) if page.session.about is not None else "",
        "indexes": page.session.places.state(),
        "text": page.query.text,
        "least": page.alike.slider.value(),
        "fold": page.alike.fold.isChecked(),
        "settings": page.settings.state(),
        "filters": page.filters.state(),
        "saved": page.query.saved.state(),
    }


def restore(page: Remembered, state: dict[str, object]) -> None:
    """What `state_of` has said; anything else is passed over."""
    page.session.places = Places.restored(state.get("indexes"))
    least = state.get("least")
    page.alike.slider.setValue(least if isinstance(least, int) else 0)
    page.alike.fold.setChecked(bool(state.get("fold")))
    page.settings.restore(state.get("settings"))
    page.filters.restore(state.get("filters"))
    page.query.saved.restore(state.get("saved"))
    page.results.set_size(page.settings.tile_size)
    page.query.field.setText(str(state.get("text", "")))
    index = str(state.get("index", ""))
    if any(place.path == index for place in page.session.places.all()) or is_index(Path(index)):
        page.session.choose(page.session.places.find(index))
    page.index.show()
