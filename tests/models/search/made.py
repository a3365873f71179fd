"""An index of as many rows as one likes, without pictures: entered into its table at once, as indexing enters them by and by;
and films."""

from pathlib import Path

import av
import numpy as np

from models.search.index import Index
from models.search.index_table import Identity, connected, row_file

DIM = 32


def made_index(folder: Path, count: int) -> Path:
    """Random codes of 64 bits, embeddings of `DIM` numbers, names and days; the words are looked up as usual."""
    index = Index.create(folder, Identity("made", "made", 64, DIM))
    root = index.root("/pictures")
    index.close()
    random = np.random.default_rng(0)
    random.integers(0, 256, (count, 8), dtype=np.uint8).tofile(folder / row_file("pictures", "codes", 0))
    with open(folder / row_file("pictures", "embeddings", 0), "wb") as file:
        for start in range(0, count, 100_000):
            block = random.normal(size=(min(100_000, count - start), DIM))
            file.write(block.astype(np.float16).tobytes())
    base = connected(folder, read_only=False)
    base.execute("BEGIN")
    base.executemany(
        "INSERT INTO items (root, path, size, modified_ns, slot, content, day, width, height)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 4, 3)",
        (
            (root, f"{n // 1000}/IMG_{n}.jpg", n, n, n, f"{n:064x}", f"20{n % 24:02d}-{1 + n % 12:02d}-01")
            for n in range(count)
        ),
    )
    base.execute(
        "INSERT INTO words (rowid, name, caption, keyword, date) SELECT id, path, '', '', day FROM items"
    )
    base.execute("INSERT INTO meta VALUES ('next_pictures', ?)", (str(count),))
    base.execute("COMMIT")
    base.close()
    return folder


def save_film(path: Path, colours: list, rate: int = 5) -> Path:
    """64 by 48 pixels, a frame a colour; of a pair of colours, one is the left half and the other the right."""
    codec = "libvpx" if path.suffix == ".webm" else "mpeg4"
    with av.open(str(path), "w") as film:
        stream = film.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for colour in colours:
            left, right = colour if isinstance(colour[0], tuple) else (colour, colour)
            pixels = np.empty((48, 64, 3), np.uint8)
            pixels[:, :32], pixels[:, 32:] = left, right
            film.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        film.mux(stream.encode())
    return path
