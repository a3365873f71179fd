"""A workspace: what is open in all tabs, with its settings and results, as one file that can be kept, moved and opened again."""
