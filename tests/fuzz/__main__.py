"""Mutants over all readers: ``python -m tests.fuzz [--mutants N] [--only FAMILY] [--first N]``.

Exit code 1 where a reader met an exception of others, a crash, a hang, or took too much memory; each is told with the
number by which it is made again, and kept in the folder that --keep names.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from tests.fuzz.run import Outcome, fuzz
from tests.fuzz.shares import SHARES


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--mutants", type=int, default=10_000)
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first mutant; other numbers, other mutants"
    )
    parser.add_argument(
        "--only", action="append", choices=sorted(SHARES), help="a family of readers; may be repeated"
    )
    parser.add_argument("--keep", type=Path, help="folder that keeps what went wrong")
    options = parser.parse_args()
    bad: list[Outcome] = []
    counts: Counter[str] = Counter()
    for family, result in fuzz(options.mutants, options.first, options.only or list(SHARES), options.keep):
        kinds = Counter(item.outcome for item in result)
        counts += kinds
        print(
            f"{family:15} {sum(kinds.values()):6}  "
            + ", ".join(f"{n} {kind}" for kind, n in kinds.most_common()),
            flush=True,
        )
        bad += [item for item in result if item.outcome not in ("read", "refused")]
    for (family, where), number in Counter((item.family, item.where) for item in bad).most_common():
        first = next(item for item in bad if (item.family, item.where) == (family, where))
        print(
            f"  {number:4} × {family}: {first.outcome}: {where} ({first.seed}, number {first.number}) {first.text[:120]}"
        )
    print(f"{sum(counts.values())} mutants: " + ", ".join(f"{n} {kind}" for kind, n in counts.most_common()))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
