"""The published figures of codes by length: the protocol on a made set of MIRFlickr's shape, and the curve."""

import numpy as np
import pytest

from models.search.features import read_features
from tools import figures, figures_search

SMALL = {"query": 40, "retrieval": 120, "train": 80}


def test_the_made_set_has_the_shape_that_is_published(tmp_path):
    features = read_features(figures_search.made_features(tmp_path, SMALL))
    assert {name: len(part) for name, part in features.parts.items()} == SMALL
    for part in features.parts.values():
        assert part.images.shape[1] == part.texts.shape[1] == 512
        assert part.labels.shape[1] == 24
        assert part.labels.any(1).all()
        np.testing.assert_allclose(np.linalg.norm(part.images, axis=1), 1, rtol=1e-5)
    train, retrieval = features.parts["train"], features.parts["retrieval"]
    np.testing.assert_array_equal(train.images, retrieval.images[:80])
    assert np.abs(features.parts["query"].images - retrieval.images[:40]).max() > 0.01


@pytest.mark.slow
def test_the_protocol_runs_from_pickles_to_figures_and_ties_bound_them(tmp_path):
    (item,) = figures_search.protocol(tmp_path, bits=(16,), epochs=1, sizes=SMALL).values()
    assert item["queries"] == 40
    assert item["worst"] < item["map"] < item["best"]
    assert 0 < item["chance"] < item["real"] <= 1


def test_kept_curves_rise_with_the_bits_and_are_bounded(tmp_path):
    for name in ("search", "search-mirflickr"):
        kept = figures.kept(name)
        assert set(kept) == {"16", "32", "64", "128"}
        for item in kept.values():
            assert item["chance"] < item["worst"] <= item["map"] <= item["best"]
        assert kept["64"]["map"] > kept["16"]["map"]
        widths = [kept[bits]["best"] - kept[bits]["worst"] for bits in ("16", "32", "64", "128")]
        assert widths == sorted(widths, reverse=True)  # longer codes tie less
    panels = {"one": figures.kept("search"), "two": figures.kept("search-mirflickr")}
    for place in ("a.svg", "b.svg"):
        figures_search.draw(panels, tmp_path / place)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_the_card_is_written_from_the_figures():
    card, kept = figures.card_of("search"), figures.kept("search")
    other = {bits: item | {"map": 0.5} for bits, item in kept.items()}
    changed = figures_search.with_rows(card, other)
    assert changed.count("single | 0.500 |") == 4
    assert figures_search.with_rows(changed, kept) == card
    with pytest.raises(ValueError, match="0 rows of 8 bits"):
        figures_search.with_rows(card, {"8": kept["16"]})
