"""The separation tab: a mixture in, a lane a speaker out."""

from app.tabs.separation.tab import SeparationTab

__all__ = ["SeparationTab"]
