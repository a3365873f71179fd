"""Whether the search says that nothing fits when nothing does: ``python tools/measure_search.py``.

The emoji that ship are asked questions that have an answer among them and questions that have none, by likeness alone and
with words looked up as well. A false alarm is a question without an answer to which the search says that something fits; a
miss is one with an answer to which it says that nothing does. The questions were written down before anything was measured.
Writes ``docs/figures/search-fits.json``, from which a test holds the table of ``docs/search.md``.
"""

from __future__ import annotations

import platform
import time
from pathlib import Path
from typing import Any

from models.checkpoint import versions
from models.search import likeness
from models.search.index import Index
from models.search.queries import Query, SearchOptions
from models.search.searcher import Searcher
from models.tables import write_json

OUT = Path(__file__).resolve().parent.parent / "docs" / "figures" / "search-fits.json"
ANSWERED = (
    "smiling cat|red heart|fruit|sad face|car|dog|pizza|rainbow|birthday cake|rocket|fire|tree|airplane|guitar|snowman|ghost|"
    "skull|flag of Japan|soccer ball|umbrella|bicycle|moon|sunflower|fish|elephant|crying|thumbs up|coffee|beer|clock|book|"
    "pencil|scissors|telephone|camera|train|boat|castle|mountain|strawberry|banana|cheese|burger|bread|mouse|monkey|lion|tiger|"
    "bee|butterfly|snake|turtle|whale|octopus|crab|hat|shoe|glasses|ring|crown"
)
UNANSWERED = (
    "tax return|quantum entanglement|spreadsheet|constitutional monarchy|my uncle robert|photosynthesis|"
    "marble statue of a horseman|kitchen renovation|concrete bridge at dusk|x-ray of a knee|wedding dress|traffic jam|"
    "lecture hall|server rack|oil painting of a harbour|muddy football boots|circuit board|stained glass window|bathroom tiles|"
    "parking ticket|barbed wire|rusty nail|curtains|radiator|carpet|ceiling fan|wallpaper pattern|gravel road|escalator|"
    "microscope slide|vaccination card|blueprint of a house|handwriting|receipt from a shop|driving licence|scaffolding|"
    "cobblestones|sand dunes|coral reef|northern lights|waterfall|haystack|greenhouse|canyon|birch forest|chess tournament|"
    "ballet rehearsal|graduation ceremony|courtroom|hospital corridor|supermarket shelf|subway platform|bookshelf|laundry|"
    "dishwasher|vacuum cleaner|lawn mower|bonsai|origami crane|pottery wheel"
)
TOLD = (
    "fruit",
    "cold weather",
    "musical instrument",
    "flying animal",
    "red heart",
    "sad face",
    "car",
    "smiling cat",
)
PERCENTILES = (25.0, 50.0, 75.0, 90.0)


def measured(searcher: Searcher, index: Index, method: str, percentile: float) -> dict[str, float]:
    """Shares of false alarms and misses."""
    options = SearchOptions.model_validate({"method": method, "least_percentile": percentile, "top": 10})

    def share(questions: str) -> float:
        asked = questions.split("|")
        return sum(bool(searcher.search(index, Query(text=text), options).hits) for text in asked) / len(
            asked
        )

    return {"false_alarms": round(share(UNANSWERED), 3), "misses": round(1 - share(ANSWERED), 3)}


def figures() -> dict[str, Any]:
    """Everything that is written down."""
    searcher = Searcher.load("bundled", "cpu")
    index = searcher.open_index("bundled")
    table = {
        method: {
            str(round(percentile)): measured(searcher, index, method, percentile)
            for percentile in PERCENTILES
        }
        for method in ("likeness", "hybrid")
    }
    first = {
        text: [hit.caption for hit in searcher.search(index, Query(text=text), SearchOptions(top=10)).hits]
        for text in TOLD
    }
    index.close()
    counts = {"answered": len(ANSWERED.split("|")), "unanswered": len(UNANSWERED.split("|"))}
    return {"questions": counts, "fits_from": likeness.FITS, "shares": table, "first_answers": first}


def main() -> None:
    about = {
        "command": "python tools/measure_search.py",
        "made": time.strftime("%Y-%m-%d"),
        "machine": platform.processor() or platform.machine(),
        "versions": versions(),
    }
    write_json(OUT, about | {"figures": figures()})


if __name__ == "__main__":
    main()
