"""One process that reads mutants of one family until it is through or ended: ``python -m tests.fuzz.worker …``.

Before each mutant it writes its number, after it what came of it, so that the one that ends or hangs it is known.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

LIMIT = 6 * 2**30  # bytes of address space
MOST_RESIDENT = 2_000_000  # kB that a mutant may bring the process to
LONGEST_SENTENCE = 3000
# What other libraries advise a programmer, and no person who drops a file.
ADVICE = ("http", "weights_only", "trust_remote_code", "allow_pickle", "Traceback", "pip install")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("family")
    parser.add_argument("seeds")
    parser.add_argument("numbers", nargs=2, type=int)
    options = parser.parse_args()
    tell = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    warnings.simplefilter("ignore")
    from tests.fuzz.readers import READERS

    read = READERS[options.family]
    seeds = [Path(line) for line in Path(options.seeds).read_text("utf-8").splitlines()]
    with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
        read(seeds[0])  # what is imported for it is not counted
    _limit()
    for number in range(*options.numbers):
        print(json.dumps({"begins": number}), file=tell)
        print(json.dumps({"number": number, **_one(read, seeds, number)}), file=tell)


def _limit() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _one(read, seeds: list[Path], number: int) -> dict[str, object]:  # type: ignore[no-untyped-def]
    import resource

    from models.errors import UserError

    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        place = made(seeds, number, folder)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            read(place)
            outcome = "read"
        except UserError as error:
            text = str(error)
            text.encode("utf-8", "surrogateescape")
            outcome = "refused"
            if len(text) >= LONGEST_SENTENCE:
                outcome = "a sentence that is too long"
            elif advice := next((words for words in ADVICE if words in text), None):
                return {
                    "outcome": "another library's advice",
                    "where": advice,
                    "text": text,
                    "seed": place.name,
                }
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if after > max(before, MOST_RESIDENT):
            return {"outcome": "too much memory", "where": f"{after / 1e6:.1f} GB", "seed": place.name}
        return {"outcome": outcome, "seed": place.name}
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if f"{os.sep}models{os.sep}" in frame.filename] or frames
        where = f"{type(error).__name__} {Path(ours[-1].filename).name}:{ours[-1].lineno}"
        return {"outcome": "foreign", "where": where, "text": str(error)[:200], "seed": place.name}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def made(seeds: list[Path], number: int, folder: Path) -> Path:
    """The mutant in a folder of its own, beside what its seed stands beside."""
    from tests.fuzz.mutations import kind_of, mutant

    seed = seeds[number % len(seeds)]
    if seed.is_dir():
        place = folder / seed.name
        place.mkdir()
        inner = sorted(path for path in seed.iterdir() if path.is_file())
        weights = [path for path in inner if path.stat().st_size < 2_000_000]
        changed = weights[(number // len(seeds)) % len(weights)]
        for path in inner:
            if path != changed:
                os.symlink(path, place / path.name)
        target = place / changed.name
    else:
        changed = seed
        place = target = folder / seed.name
        for path in seed.parent.iterdir():
            if path.is_file() and path not in seeds:
                os.symlink(path, folder / path.name)
    target.write_bytes(mutant(changed.read_bytes(), kind_of(changed), number))
    return place


if __name__ == "__main__":
    sys.exit(main())
