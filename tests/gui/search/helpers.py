"""What the tests of the search tab have in common: waiting, asking, indexing."""


def idle(tab):
    return not tab.is_busy and not tab.services.tasks


def words(tab):
    return [item.words for item in tab.search.results.pictures.hits or []]


def messages_of(tab):
    return " | ".join(f"{m.heading} {m.text}" for m in tab.messages.messages)


def asked(tab, qtbot, text):
    """Type as a person does, and wait for the answers."""
    tab.search.query.field.clear()
    tab.search.query.field.setFocus()
    before = tab.search.session.answers
    qtbot.keyClicks(tab.search.query.field, text)
    qtbot.waitUntil(
        lambda: (
            tab.search.session.answers is not None and tab.search.session.answers is not before and idle(tab)
        ),
        timeout=60_000,
    )
    return tab.search.results.pictures.hits


def indexed(tab, qtbot, folder):
    tab.accept_paths([folder])
    qtbot.waitUntil(lambda: tab.search.indexing.running, timeout=5_000)
    qtbot.waitUntil(lambda: not tab.search.indexing.running and idle(tab), timeout=60_000)
    qtbot.waitUntil(lambda: tab.search.session.about is not None, timeout=5_000)
