"""Rows of the search."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import numpy as np

from models.search import codes, evaluation
from tests.benchmarks.timing import interleaved, ms, row, sized


def mean_average_precision() -> dict[str, object]:
    """MAP@50 of 2,000 queries over 18,015 codes of 64 bits with 24 labels, against a loop with one argsort a query."""
    random, asking, held = np.random.default_rng(0), sized(2_000, 20), sized(18_015, 1_000)
    queries, base = (random.integers(0, 256, (count, 8), dtype=np.uint8) for count in (asking, held))
    wanted, labels = random.random((asking, 24)) < 0.1, random.random((held, 24)) < 0.1
    order = evaluation.tie_order(len(base))
    signs, asked = codes.unpack(base[order]) * 2.0 - 1, codes.unpack(queries) * 2.0 - 1
    truths = labels[order].astype(float)

    def loop() -> float:
        total = 0.0
        for query, own in zip(asked, wanted.astype(float), strict=True):
            relevant = truths @ own > 0
            hits = relevant[np.argsort(0.5 * (64 - signs @ query), kind="stable")][:50]
            result = np.flatnonzero(hits)
            total += float(np.mean(np.arange(1, len(result) + 1) / (result + 1))) if len(result) else 0.0
        return total / len(asked)

    def ours() -> float:
        return evaluation.map_of_codes(queries, base, wanted, labels, 50)

    assert abs(loop() - ours()) < 1e-9
    peer, own = interleaved(loop, ours, rounds=5)
    return row(
        "MAP@50, 2,000 × 18,015, 64 bits", f"a loop with argsort, {peer:.2f} s", ms(own), peer / own, "≥ 30×"
    )


def exact_search() -> dict[str, object]:
    """The 50 nearest of a million codes of 64 bits, one query at a time in one thread; both are exact."""
    from models.search.faiss_index import CodeIndex

    random = np.random.default_rng(0)
    base = random.integers(0, 256, (sized(1_000_000, 10_000), 8), dtype=np.uint8)
    queries = random.integers(0, 256, (50, 8), dtype=np.uint8)
    index, words = CodeIndex(base, 64), codes.words(base)[:, 0]
    turn = [0]

    def query() -> np.ndarray:
        turn[0] = (turn[0] + 1) % len(queries)
        return queries[turn[0]]

    def plain() -> np.ndarray:
        distances = np.bitwise_count(words ^ codes.words(query()[None])[0, 0])
        nearest = np.argpartition(distances, 50)[:50]
        return nearest[np.argsort(distances[nearest])]

    for item in queries[:5]:
        exact = np.sort(codes.distances(item[None], base)[0])[:50]
        np.testing.assert_array_equal(index.search(item, 50)[0], exact)
    peer, own = interleaved(plain, lambda: index.search(query(), 50), rounds=41)
    return row(
        "exact search, a million 64-bit codes",
        f"NumPy XOR and popcount, {ms(peer)}",
        ms(own),
        peer / own,
        "≤ 1 ms, single thread",
    )


def million_rows() -> dict[str, object]:
    """An index of a million made rows, opened: everything that is searched is in memory then, embeddings stay on the disk.
    Against reading its files whole, which opening need not do."""
    from models.search.index import Index
    from tests.models.search.made import made_index

    with tempfile.TemporaryDirectory() as folder:
        count = sized(1_000_000, 5_000)
        place = made_index(Path(folder) / "index", count)
        files = sorted(place.iterdir())

        def whole() -> int:
            return sum(len(file.read_bytes()) for file in files)

        def opened() -> int:
            index = Index.open(place)
            index.search(np.zeros(8, np.uint8), 50)
            held = len(index)
            index.close()
            return held

        assert opened() == count
        peer, own = interleaved(whole, opened, rounds=5)
    return row(
        "an index of a million pictures, opened and asked",
        f"reading its files, {ms(peer)}",
        ms(own),
        peer / own,
        "< 1 s",
    )


def indexing() -> dict[str, object]:
    """10,000 photographs into an index with the bundled encoder, against reading and encoding one at a time. Beside it: for
    how much of the time the encoder was at work (the rest waited for pictures or the disk), and what it does alone."""
    import torch

    from models.progress import Progress
    from models.search import pictures
    from models.search.encoded import Encoded
    from models.search.samples import photos_folder
    from models.search.searcher import Searcher

    torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))  # one core is left to the decoding
    searcher = Searcher.load("bundled", "cpu")
    photos = sorted(photos_folder().glob("*.jpg"))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "photos"
        place.mkdir()
        count = sized(10_000, 40)
        for number in range(count):
            # What follows the end of a JPEG is not seen, but makes its content another: none is known from a copy.
            content = photos[number % len(photos)].read_bytes() + number.to_bytes(4, "big")
            (place / f"{number:05d}.jpg").write_bytes(content)
        some = sorted(place.iterdir())[: sized(512, 10)]
        started = time.perf_counter()
        for path in some:
            searcher.encode_pictures([path])
        peer = len(some) / (time.perf_counter() - started)
        ready = np.stack([searcher.view.pixels(pictures.read(path)) for path in some])

        def encoders_own() -> float:
            began = time.perf_counter()
            for start in range(0, len(ready), 32):
                searcher.encode_pixels(ready[start : start + 32])
            return len(ready) / (time.perf_counter() - began)

        busy, seen, encode = [0.0], [0], searcher.encode_pixels

        def watched(pixels: np.ndarray) -> Encoded:
            began = time.perf_counter()
            encoded = encode(pixels)
            busy[0] += time.perf_counter() - began
            seen[0] += len(pixels)
            return encoded

        before = encoders_own()
        searcher.encode_pixels = watched  # type: ignore[method-assign]
        report = searcher.index_folder(place, Path(folder) / "index", Progress())
        searcher.encode_pixels = encode  # type: ignore[method-assign]
        own = (before + encoders_own()) / 2
        assert report.added == seen[0] == count
        rate = report.added / report.seconds
    return row(
        "indexing 10,000 images",
        f"one process, one at a time, {peer:.0f} a second",
        f"{rate:.0f} a second, the encoder at work {100 * busy[0] / report.seconds:.0f} % of the time (alone {own:.0f})",
        rate / peer,
        "≥ 90 % of the encoder's own rate",
    )


def scrolling() -> dict[str, object]:
    """A frame of scrolling through 100,000 pictures (a wheel's step of 120 px, painted, thumbnails read meanwhile by the
    worker threads), against a QListView in icon mode that is given pictures read beforehand."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QAbstractListModel, QModelIndex, QSize, Qt
    from PySide6.QtGui import QIcon, QPixmap
    from PySide6.QtWidgets import QAbstractItemView, QApplication, QListView

    from app import theme
    from app.tabs.search.grid import GridItem
    from app.tabs.search.results import Results
    from models.search.samples import emoji_folder

    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    theme.use_font(app)
    theme.apply(app, "light")
    files = sorted(emoji_folder().glob("*.png"))
    shown = [GridItem(number, files[number % len(files)]) for number in range(sized(100_000, 1_000))]
    icons = [QIcon(QPixmap(str(path))) for path in files]

    class Plain(QAbstractListModel):
        def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
            return len(shown)

        def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
            if role == Qt.ItemDataRole.DecorationRole:
                return icons[index.row() % len(icons)]
            return shown[index.row()].words if role == Qt.ItemDataRole.DisplayRole else None

    ours = Results()
    peer, model = QListView(), Plain()
    peer.setViewMode(QListView.ViewMode.IconMode)
    peer.setUniformItemSizes(True)
    peer.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    peer.setGridSize(QSize(118, 112))
    peer.setIconSize(QSize(72, 72))
    peer.setModel(model)
    ours.pictures.show_hits(shown)
    ours.show_grid()
    bars = peer.verticalScrollBar(), ours.gallery.verticalScrollBar()
    laid_out = []
    for widget in (peer, ours):
        widget.resize(980, 640)
        began = time.perf_counter()
        widget.show()
        app.processEvents()
        laid_out.append(time.perf_counter() - began)
    frames: list[float] = []

    def scroll(bar: object) -> None:
        bar.setValue(bar.value() + 120)  # type: ignore[attr-defined]
        app.processEvents()

    def own() -> None:
        began = time.perf_counter()
        scroll(bars[1])
        frames.append(time.perf_counter() - began)

    theirs, median = interleaved(lambda: scroll(bars[0]), own, rounds=200)
    ours.close_threads()
    for widget in (peer, ours):
        widget.close()
    slow = float(np.percentile(frames, 95))
    return row(
        "scrolling 100,000 thumbnails, a frame",
        f"QListView in icon mode, {ms(theirs)} (shown after {ms(laid_out[0])})",
        f"{ms(median)}, p95 {ms(slow)}: {1 / median:.0f} frames a second (shown after {ms(laid_out[1])})",
        theirs / median,
        "60 frames a second",
    )
