"""The emotion tab of a real window."""

import pytest


@pytest.fixture
def tab(window, qtbot, crashes):
    """The emotion tab of a real window; a test that ends in the crash dialog fails."""
    yield window.show_tab("emotion")
    assert crashes == []
