"""Models of others: which are worth having, where they come from, how they are fetched, kept, checked and removed.

``catalogue`` is the list that ships, ``sources`` where downloads come from, ``transfer`` brings one file, ``fetching`` a
whole model, ``shelf`` knows what is here, ``speeds`` how quick it was. Needs no torch.
"""
