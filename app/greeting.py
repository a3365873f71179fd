"""What the window says when it opens: what could not be read or written, and how the last start ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app import systems
from app.errors import crash_folder, unclean_exits
from app.help import help_of
from app.i18n import series, tr
from app.settings import Key
from app.tabs.paged import PagedTab

if TYPE_CHECKING:
    from app.menus import Menus
    from app.services import Services
    from app.tabs.base import Tab


def greet(services: Services, menus: Menus, page: Tab) -> None:
    """Messages at the top of the tab in front; none where all is well."""
    settings = services.settings
    if settings.notice is not None:
        page.show_message(
            "warning",
            tr("They are kept in {path}; the usual settings are used.", path=settings.notice),
            heading=tr("The settings could not be read and were set aside."),
        )
    elif not settings.writable:
        say_not_kept(services, page)
    unfinished = settings.texts(Key.ENDED_WHILE)
    if unfinished:
        settings.set(Key.ENDED_WHILE, [])
        page.show_message(
            "hint",
            tr("This was not finished: {what}.", what=series(unfinished)),
            heading=tr("Polyphony was ended by the system the last time."),
        )
    reports = unclean_exits()
    if reports:
        page.show_message(
            "warning",
            tr("What was saved is still there. The report says what is known."),
            [
                (tr("Show the report"), lambda: menus.show_report(reports[-1])),
                (tr("Open the folder"), lambda: menus.open_folder(crash_folder())),
            ],
            heading=tr("Polyphony did not end by itself the last time."),
        )


def say_not_kept(services: Services, page: Tab) -> None:
    """The settings' folder cannot be written, or the disk is full."""
    page.show_message(
        "warning",
        tr("Free some space, check its permissions, or choose another with POLYPHONY_HOME."),
        heading=tr(
            "{path} cannot be written: settings and runs will not be kept.",
            path=services.settings.path.parent,
        ),
        key="not kept",
    )


def introduce(services: Services, page: Tab) -> None:
    """The first time that a tab is shown: what it is for, what is ready, what can be had, and its sample to try."""
    settings = services.settings
    known = settings.texts(Key.INTRODUCED)
    if page.system in known or not isinstance(page, PagedTab):
        return
    settings.set(Key.INTRODUCED, [*known, page.system])
    ready = tr("Ready: {model}. It needs no network.", model=page.models.title(page.models.choice))
    page.show_message(
        "hint",
        "\n".join([*help_of(page.system).lines, ready]),
        [
            (tr("Try the sample"), page.try_sample),
            (tr("What can be fetched…"), lambda: services.models_wanted.emit(page.system)),
        ],
        heading=systems.entry(page.system).title(),
        key="first",
    )
