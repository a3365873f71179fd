"""The search tab: find pictures with words, and words with pictures."""

from app.tabs.search.tab import SearchTab

__all__ = ["SearchTab"]
