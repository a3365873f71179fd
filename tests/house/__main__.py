"""``python -m tests.house [--against REVISION] [--list]``: the house in figures, now and at another commit."""

from __future__ import annotations

import argparse
from dataclasses import fields

from tests.house.measures import files_of_revision, files_of_tree, measure


def main() -> None:
    """Prints a table; with ``--list`` every place as well."""
    parser = argparse.ArgumentParser(prog="python -m tests.house", description=__doc__)
    parser.add_argument("--against", metavar="REVISION", help="a git revision to compare with")
    parser.add_argument("--list", action="store_true", help="every place, not only how many")
    chosen = parser.parse_args()
    now = measure(files_of_tree())
    before = measure(files_of_revision(chosen.against)).counts() if chosen.against else {}
    head = f"{'':42}{'now':>7}" + (f"{chosen.against[:12]:>14}" if before else "")
    print(head)
    for what, count in now.counts().items():
        print(f"{what:42}{count:>7}" + (f"{before[what]:>14}" if before else ""))
    if chosen.list:
        for kind in fields(now):
            print(f"\n{kind.name}")
            for place in getattr(now, kind.name):
                print(f"  {place}")


if __name__ == "__main__":
    main()
