"""At 1024×768, the least screen that is promised: every page of every tab is seen whole, in both languages."""

import pytest

from app import i18n, systems
from app.main_window import MainWindow
from app.widgets.drop_zone import DropZone
from tests.gui.conftest import close_window
from tests.legible import clipped, sideways

SMALL = (1024, 768)


@pytest.fixture(params=["en", "zh_CN"])
def small(request, services, qtbot, qapp, crashes):
    i18n.install(request.param)
    window = MainWindow(services, "emotion")
    window.resize(*SMALL)
    with qtbot.waitSignal(window.filled):
        window.show()
    yield window
    close_window(qtbot, window)
    window.deleteLater()


def idle(tab):
    return not tab.is_busy and not tab.services.tasks


def test_no_page_is_cut_off(small, qtbot, qapp):
    faults = []
    small.open_dock(True)  # the column at the left is scrolled then, and its bar takes room
    for system in systems.NAMES:
        tab = small.show_tab(system)
        for page in tab.pages:
            tab.choice.choose(page)
            if system == "eeg":
                tab.show_details(True)
            qtbot.waitUntil(lambda tab=tab: idle(tab))
            qapp.processEvents()
            faults += [f"{system} {page}: {fault}" for fault in (*clipped(small), *sideways(small))]
    small.show_training()
    qapp.processEvents()
    faults += [f"training: {fault}" for fault in (*clipped(small), *sideways(small))]
    assert (small.width(), small.height()) == SMALL
    assert not faults, "\n".join(faults)


def test_a_live_page_has_room_while_its_sample_is_streamed(small, qtbot, qapp):
    """The player brings a button of its own, and the scalp stands beside it."""
    tab = small.show_tab("eeg")
    tab.choice.choose("live")
    tab.show_details(True)
    tab.live.swap.show()
    for opened in (False, True):
        small.open_dock(opened)
        qapp.processEvents()
        assert clipped(small) + sideways(small) == []
        assert tab.live.over_time.height() > 100, "its curves can be told apart"


def test_the_left_column_is_as_wide_with_its_scroll_bar_as_without(small, qtbot, qapp):
    tab = small.show_tab("eeg")
    qtbot.waitUntil(lambda: idle(tab))
    bar = tab.primary.parentWidget().parentWidget().parentWidget().verticalScrollBar()
    widths = []
    for extra in (0, 600):
        tab.source.setMinimumHeight(extra)
        qapp.processEvents()
        widths.append((bar.maximum() > 0, tab.primary.width()))
    assert widths == [(False, tab.primary.width()), (True, tab.primary.width())]


def test_a_drop_zone_is_as_high_as_a_long_name(small, qtbot, qapp):
    zone = DropZone("Drop a recording", ".edf")
    qtbot.addWidget(zone)
    zone.resize(260, zone.minimumHeight())
    zone.show()
    low = zone.minimumHeight()
    zone.set_text("sub-01_ses-1_task-listen_acq-headphones_run-1_desc-preprocessed_eeg.edf", "拖入另一段记录")
    qapp.processEvents()
    assert zone.minimumHeight() > low
    assert clipped(zone) == []
