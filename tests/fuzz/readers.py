"""What is done with a mutant: it is opened as a person's file is, and used a little."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np


def _audio(path: Path) -> None:
    from models import audio

    audio.info(path)
    audio.remarks(path)
    audio.read_part(path, 0.05, 0.1)
    for _, block in zip(range(50), audio.blocks(path, 16_000, 5.0), strict=False):
        assert np.isfinite(block).all()


def _recordings(path: Path) -> None:
    from models.eeg.preprocessing import preprocess
    from models.eeg.recordings import open_recording

    place = path / "a.vhdr" if path.is_dir() else path
    result = open_recording(place)
    result.read(0, 2)
    list(map(str, result.remarks))
    if result.duration_s < 100:
        preprocess(result)


def _histories(path: Path) -> None:
    from models.eeg.preprocessing import History, replay
    from models.eeg.recordings import open_recording

    history = History.load(path)
    history.sentences()
    replay(open_recording(path.parent / "a.npz"), history)


def _sequences(path: Path) -> None:
    from models.reverberation.data import open_sequences
    from models.reverberation.sequences import batched

    result = open_sequences(path, window=2)
    batched(result, range(min(4, len(result))))


def _tables(path: Path) -> None:
    from models.emotion.data import open_dataset
    from models.separation.corpora import open_corpus

    if path.name.startswith("emotion"):
        open_dataset(path)
    else:
        open_corpus(path)


def _captions(path: Path) -> None:
    from models.search.data import open_captions

    for item in open_captions(path).items:
        " ".join(item.sentences).encode()


def _features(path: Path) -> None:
    from models.search.features import read_features

    read_features(path)


def _pictures(path: Path) -> None:
    from models.search.pictures import View, read

    picture = read(path)
    assert View(edge=16, crop=(16, 16)).pixels(picture).shape == (16, 16, 3)


def _settings(path: Path) -> None:
    from models import systems
    from models.training.config import read_yaml, validated

    values = read_yaml(path)
    system = path.stem.rpartition("-")[2]
    validated(systems.training_config(system if system != "alias" else "emotion"), values)


def _checkpoints(path: Path) -> None:
    system = path.name.split("-")[0]
    if system == "emotion":
        from models.emotion.recognizer import Recognizer

        Recognizer.load(path, "cpu").classify(np.zeros(16_000, np.float32))
    elif system == "eeg":
        from models.eeg.decoder import Decoder

        Decoder.load(path, device="cpu")
    else:
        from models.search.searcher import Searcher

        Searcher.load(path, "cpu")


def _foreign(path: Path) -> None:
    from models.checkpoint import load_foreign
    from models.emotion import published as emotion
    from models.errors import UserError
    from models.reverberation import published as reverberation
    from models.separation import published as separation

    values = load_foreign(path)
    for reader in (emotion.imported, separation.imported, reverberation.imported):
        try:
            reader(values)
        except UserError:
            continue


def _speech_models(path: Path) -> None:
    from models.emotion.recognizer import Recognizer

    Recognizer.load(path, "cpu").classify(np.sin(np.arange(8000) / 9).astype(np.float32))


def _picture_models(path: Path) -> None:
    from models.search.encoder import DualEncoder

    encoder = DualEncoder.load(path)
    encoder.texts(["a red square"])
    side = encoder.view.crop or (encoder.view.height, encoder.view.width)
    encoder.pixels(np.zeros((1, *side, 3), np.uint8))


def _indexes(path: Path) -> None:
    from models.search.index import Index

    index = Index.open(path)
    try:
        ids = index.ids()
        index.items(ids)
        index.problems()
        index.folders()
        index.captions(ids)
        if index.identity.bits == 64:
            index.search(np.zeros(8, np.uint8), 3)
            index.search(np.zeros(8, np.uint8), 3, "captions")
        if len(ids):
            index.embeddings(ids[:2])
            index.codes(ids[:2])
        with index.writing():
            index.known(index.root("/pictures"))
    finally:
        index.close()


READERS: dict[str, Callable[[Path], None]] = {
    "audio": _audio, "recordings": _recordings, "histories": _histories, "sequences": _sequences, "tables": _tables,
    "captions": _captions, "features": _features, "pictures": _pictures, "settings": _settings,
    "checkpoints": _checkpoints, "foreign": _foreign, "speech models": _speech_models,
    "picture models": _picture_models, "indexes": _indexes,
}  # fmt: skip
