"""Put the trained encoder, hash model and index of the emoji into ``resources``, with cards that say what they can do.

python tools/sample_search.py EMOJI_FOLDER PHOTOS_FOLDER
python -m models train search --preset encoder --run ENCODER_RUN
python tools/bundle_search.py encoder ENCODER_RUN
python -m models train search --preset bundled --set network.bits=64 --run RUN64      (and 16, 32, 128)
python tools/bundle_search.py hash RUN64 RUN16 RUN32 RUN128

The first run of `hash` ships; the others are judged beside it. All figures are of the test fifth of the emoji, which took
part in neither training.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import torch

from models import checkpoint
from models.progress import Progress
from models.resources import resource
from models.search import data, retrieval, small_encoder
from models.search.features import FeatureCache, Pairs, extract
from models.search.hashing import TrainedHasher
from models.search.queries import Query, SearchOptions
from models.search.retrieval import Judged
from models.search.samples import bundled_encoder, bundled_hash_models, bundled_index, emoji_folder
from models.search.searcher import Searcher

QUESTIONS = ("smiling cat", "red heart", "fruit", "sad face")

ENCODER_CARD = """\
# A small CLIP that knows emoji

{parameters:,} parameters, {megabytes:.1f} MB in half precision. It learned from nothing but {count} emoji pictures (Google Noto
Emoji) with their Unicode names and emojilib's English keywords, by Polyphony's own command, in about half an hour on one
core of a processor. It **knows emoji only**, and English only: for photographs, or other languages, choose an encoder
such as CLIP, SigLIP 2 or Chinese-CLIP.
"""

CARD = """\
# Emoji, 64 bits

Fusion hashing on Polyphony's own small CLIP, which **knows emoji only**. Learned from {train} emoji with their English names
and keywords. A fifth of the emoji ({test}) took part in neither training, nor did any variant of them (the same done by a
woman or a man); all figures are theirs. They are asked for not by their names but by their keywords.

| codes | MAP@50 words → picture | by ties | picture → words | by ties | recall@10 words → picture | by ties |
|---|---|---|---|---|---|---|
{rows}

`single`: words are encoded alone and pictures alone, as a search must; this is the honest figure. `paired`: each is fused with
its own other half, as published figures are, which no search can do. MAP@50: two emoji are relevant to each other if they share
one of {labels} labels (group and common keywords); chance is {map_chance:.3f}. Recall@10: the very emoji that was meant is among the first
ten of {test}; chance is {recall_chance:.3f}.

The index that ships holds all 1,644 emoji, so most of what it finds was learned from. First answers: {answers}.
"""

OTHER_CARD = """\
# Emoji, {bits} bits

As the bundled hash model of 64 bits, with codes of {bits} bits. Its figures beside those of the other lengths are on the
card of that one, and are computed anew by *Evaluate* in the search tab.
"""


def main() -> None:
    if sys.argv[1] == "encoder":
        bundle_encoder(Path(sys.argv[2]))
    else:
        bundle_hash([Path(run) for run in sys.argv[2:]])


def bundle_encoder(run: Path) -> None:
    """Bundle the small encoder of a run, with its card."""
    small_encoder.export(run / "best", bundled_encoder())
    folder = bundled_encoder()
    info = checkpoint.read_info(run / "best", "search")
    card = ENCODER_CARD.format(
        parameters=sum(p.numel() for p in small_encoder.build(info.network).parameters()),
        megabytes=sum(file.stat().st_size for file in folder.iterdir()) / 1e6,
        count=len(data.open_captions(emoji_folder()).part("train")),
    )
    (folder / "README.md").write_text(card, "utf-8")
    print(card)


def bundle_hash(runs: list[Path]) -> None:
    """Bundle the hashing of the first run, judged over the seeds of all of them, with its card."""
    place = resource("checkpoints", "search")
    weights, info = checkpoint.load(runs[0] / "best", "search")
    info.preprocessing["encoder"]["name"] = "bundled"
    halved = {name: tensor.to(torch.float16) for name, tensor in weights.items()}
    checkpoint.save(place, halved, info)
    searcher = Searcher.load("bundled", "cpu")
    captions = data.open_captions(emoji_folder())
    cache = FeatureCache(Path(runs[0]) / "features")
    parts = extract(captions, searcher.encoder, cache, Progress()).parts
    cache.close()
    hashers = [searcher.hasher] + [
        TrainedHasher(*checkpoint.load(run / "best", "search")) for run in runs[1:]
    ]
    judged = {
        hasher.bits: retrieval.evaluate(hasher, parts["query"])
        for hasher in sorted(hashers, key=lambda h: h.bits)
    }
    answers = write_index(searcher)
    info.title = "emoji, 64 bits"
    info.card = card(judged, parts, answers)
    info.metrics = {
        f"test/{bits}_{item.method}_{'t2i' if item.way.startswith('text') else 'i2t'}": round(
            item.metrics.mean_average_precision, 4
        )
        for bits, entries in judged.items()
        for item in entries
        if item.metrics
    }
    extra = {"summary": "Knows emoji only; other pictures need another encoder."}
    checkpoint.save(place, halved, info.model_copy(update=extra))
    print(info.card)
    for run in runs[1:]:
        bundle_other(run)


def bundle_other(run: Path) -> None:
    """A hash model of another length, to be compared on the evaluation page."""
    weights, info = checkpoint.load(run / "best", "search")
    info.preprocessing["encoder"]["name"] = "bundled"
    bits = info.network["bits"]
    extra = {
        "title": f"emoji, {bits} bits",
        "card": OTHER_CARD.format(bits=bits),
        "summary": "Knows emoji only; other pictures need another encoder.",
    }
    halved = {name: tensor.to(torch.float16) for name, tensor in weights.items()}
    checkpoint.save(bundled_hash_models()[bits], halved, info.model_copy(update=extra))


def write_index(searcher: Searcher) -> str:
    """Make the index that ships; returns the first answers to some questions, for the card."""
    shutil.rmtree(bundled_index(), ignore_errors=True)
    searcher.index_folder(emoji_folder(), bundled_index())
    (bundled_index() / "writer.lock").unlink(missing_ok=True)
    index = searcher.open_index("bundled")
    lines = []
    for words in QUESTIONS:
        hits = searcher.search(index, Query(text=words), SearchOptions(top=4)).hits
        lines.append(f"*{words}*: {', '.join(hit.caption for hit in hits)}")
    index.close()
    return "; ".join(lines)


def card(judged: dict[int, list[Judged]], parts: dict[str, Pairs], answers: str) -> str:
    """The model card of the hashing as Markdown: what each number of bits came to."""
    rows = []
    for bits, result in judged.items():
        for method in ("single", "paired"):
            rows.append(_row(f"{bits} bits, {method}", [item for item in result if item.method == method]))
    ceiling = judged[64]
    rows.append(
        _row("real-valued, single (the ceiling)", [item for item in ceiling if item.method == "real"])
    )
    rows.append(_row("the encoder alone", [item for item in ceiling if item.method == "encoder"]))
    first: Any = ceiling[0]
    return CARD.format(
        train=len(parts["train"]),
        test=len(parts["query"]),
        rows="\n".join(rows),
        labels=parts["query"].labels.shape[1],
        map_chance=first.metrics.chance,
        recall_chance=first.own.chance,
        answers=answers,
    )


def _row(name: str, entries: list[Judged]) -> str:
    cells = [name]
    for item in entries:
        figures: Any = item.metrics
        cells += [
            f"{figures.mean_average_precision:.3f}",
            f"{figures.worst_map:.3f} to {figures.best_map:.3f}",
        ]
    own: Any = entries[0].own
    cells += [f"{own.recall_at_10:.3f}", f"{own.worst:.3f} to {own.best:.3f}"]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
