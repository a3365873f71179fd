"""What tests of the emotion tab do again and again."""

from models.resources import resource

CLIPS = resource("samples", "emotion", "audio")


def idle(tab):
    return not tab.is_busy and not tab.services.tasks


def recognised(tab):
    return [row for row in tab.files.table.rows if row.prediction is not None]


def open_files(tab, qtbot, paths):
    tab.choice.choose("files")
    tab.accept_paths(paths)
    rows = tab.files.table.rows
    qtbot.waitUntil(lambda: all(row.prediction or row.problem for row in rows) and idle(tab), timeout=60_000)
    assert rows
