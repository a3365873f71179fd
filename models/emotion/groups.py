"""Which files are of one person, and hearing what a person says in one file against all that they say.

By folder, by a column of a table, or by how alike the voices are: the voice encoder's embeddings, joined as long as two groups
are on average nearer than `NEAR`. On 266 clips of eight actors in four emotions that gives 47 groups, of which 94 % of the clips
are with their own person: rather too many groups than people thrown together, for an emotion moves an embedding, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from models.datafiles import read_table
from models.emotion.file_prediction import FilePrediction
from models.emotion.person import Person
from models.errors import UserError

if TYPE_CHECKING:
    from models.emotion.recognizer import Recognizer

NEAR = 0.25  # cosine distance between groups of embeddings

By = Literal["file", "folder", "column", "voice"]
PEOPLE_COLUMNS = ("person", "speaker")


def by_folder(paths: Sequence[Path]) -> list[str]:
    """The folder that each file lies in."""
    return [str(path.parent) for path in paths]


def by_voice(predictions: Sequence[FilePrediction]) -> list[str]:
    """``voice 1`` …, numbered as they come; a file without speech, or of a model without embeddings, is alone."""
    from scipy.cluster.hierarchy import fcluster, linkage

    names = [""] * len(predictions)
    places = [n for n, item in enumerate(predictions) if item.voice is not None and item.spoken]
    if len(places) > 1:
        voices = np.stack([np.asarray(predictions[n].voice, np.float64) for n in places])
        groups = fcluster(linkage(voices, "average", "cosine"), NEAR, "distance").tolist()
        order = list(dict.fromkeys(groups))
        for place, group in zip(places, groups, strict=True):
            names[place] = f"voice {order.index(group) + 1}"
    return names


def listed(table: Path) -> dict[Path, str]:
    """The files of a CSV with the columns path and person (or speaker), and who speaks in each; empty where it is not said.

    Paths are relative to its folder. Raises UserError where the columns are missing.
    """
    listing = read_table(table, ["path"])
    column = next((name for name in PEOPLE_COLUMNS if name in listing.columns), None)
    if column is None:
        raise UserError(
            "{name} does not say who speaks.",
            "It has the columns {columns}, but neither person nor speaker.",
            "Add a column person to it.",
            name=table.name,
            columns=", ".join(listing.columns),
        )
    return {(table.parent / row["path"]): row[column] for row in listing.rows if row["path"]}


def grouped(
    recognizer: Recognizer, predictions: Sequence[FilePrediction], by: By, named: dict[Path, str]
) -> tuple[list[str], list[FilePrediction]]:
    """Who speaks in each file, empty for nobody in particular; and what the files come to, so put together.

    named: who speaks where a table said so. Of those of whom there is one file alone the name is empty, too.
    """
    if by == "folder":
        people = by_folder([prediction.path for prediction in predictions])
    elif by == "voice":
        people = by_voice(predictions)
    elif by == "column":
        people = [named.get(prediction.path, "") for prediction in predictions]
    else:
        people = [""] * len(predictions)
    counts = Counter(people)
    people = [name if counts[name] > 1 else "" for name in people]
    return people, together(recognizer, predictions, people)


def together(
    recognizer: Recognizer, predictions: Sequence[FilePrediction], people: Sequence[str]
) -> list[FilePrediction]:
    """The predictions anew, each heard against all that the same person says in any of the files.

    people: who speaks in each; empty for nobody in particular, who is heard as a stranger.
    """
    known: dict[str, Person] = {}
    for prediction, name in zip(predictions, people, strict=True):
        if name:
            prediction.tell(known.setdefault(name, Person()))
    return [
        recognizer.against(prediction, known.get(name))
        for prediction, name in zip(predictions, people, strict=True)
    ]
