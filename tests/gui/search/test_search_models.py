"""Models, indexes and data that do not fit one another in the search tab, and the evaluation of all code lengths."""

import json

import numpy as np

from app.tabs.search.tab import encoders
from models.search.config import ENCODERS
from tests.gui.search.helpers import asked, idle, indexed, messages_of
from tests.models.search.conftest import save_clip


def test_an_index_of_another_encoder_is_refused_with_a_way_out(tab, qtbot, folder, tmp_path):
    tab.models.choose(str(save_clip(tmp_path / "tiny clip")))
    indexed(tab, qtbot, folder)
    assert tab.search.session.place.model == str(tmp_path / "tiny clip")
    first = tab.search.session.place.path
    tab.models.choose("bundled")
    qtbot.waitUntil(lambda: "made with another encoder" in messages_of(tab) and idle(tab), timeout=60_000)
    assert "tiny clip" in messages_of(tab)
    message = next(m for m in tab.messages.messages if m.level == "error")
    assert [button.text() for button in message.buttons] == [
        "Use the model it was made with", "Index again with this model",
    ]  # fmt: skip
    message.buttons[1].click()
    qtbot.waitUntil(lambda: tab.search.indexing.running)
    qtbot.waitUntil(lambda: not tab.search.indexing.running and idle(tab), timeout=60_000)
    assert tab.search.session.place.path != first
    assert asked(tab, qtbot, "cat")
    tab.search.session.choose(tab.search.session.places.find(first))
    qtbot.waitUntil(lambda: "made with another encoder" in messages_of(tab))
    next(m for m in tab.messages.messages if m.level == "error").buttons[0].click()
    assert tab.models.choice == str(tmp_path / "tiny clip")
    assert asked(tab, qtbot, "dog")


def test_a_model_of_the_hub_is_asked_for_before_it_is_downloaded(sample, qtbot, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert set(encoders()) == set(ENCODERS) - {"bundled"}
    row = sample.models.box.findData("OFA-Sys/chinese-clip-vit-base-patch16")
    sample.models.box.setCurrentIndex(row)
    sample.models.box.activated.emit(row)
    assert sample.models.choice == "OFA-Sys/chinese-clip-vit-base-patch16"
    qtbot.waitUntil(lambda: "is not on this machine" in messages_of(sample) and idle(sample), timeout=30_000)
    message = next(m for m in sample.messages.messages if m.key == "error")
    assert [button.text() for button in message.buttons] == ["Download", "Use the bundled model"]
    message.buttons[0].click()
    qtbot.waitUntil(
        lambda: "downloads are switched off" in messages_of(sample) and idle(sample), timeout=30_000
    )
    sample.models.choose("bundled")
    assert asked(sample, qtbot, "dog")
    assert "switched off" not in messages_of(sample)


def test_bad_folders_and_indexes(tab, qtbot, tmp_path):
    (tmp_path / "empty").mkdir()
    indexed(tab, qtbot, tmp_path / "empty")
    assert "Nothing to do" in messages_of(tab)
    assert tab.search.results.empty_title.text() == "There are no pictures in this index"
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "index.sqlite").write_bytes(b"no table" * 200)
    tab.accept_paths([tmp_path / "damaged"])
    qtbot.waitUntil(lambda: "cannot be read" in messages_of(tab) and "damaged" in messages_of(tab))
    captions = tmp_path / "captions only"
    captions.mkdir()
    (captions / "captions.csv").write_text("file,caption\na.png,a cat\n")
    indexed(tab, qtbot, captions)
    qtbot.waitUntil(lambda: "left out" in messages_of(tab))


def test_a_folder_that_may_not_be_read(tab, qtbot, folder, monkeypatch):
    """As for whoever is not root: the system refuses to list it."""

    def refused(place):
        return [], [(str(place), "Permission denied")]

    monkeypatch.setattr("models.search.pictures.find", refused)
    tab.accept_paths([folder])
    qtbot.waitUntil(lambda: "Permission denied" in messages_of(tab) and idle(tab), timeout=60_000)
    assert "Check its permissions" in messages_of(tab)
    assert tab.search.session.place.unfinished == ()


def test_evaluation_of_all_lengths(tab, qtbot, tmp_path):
    tab.choice.choose("evaluate")
    page = tab.evaluate
    page.try_sample()
    qtbot.waitUntil(lambda: len(page.judgements) == 4 and idle(tab), timeout=120_000)
    assert [item.bits for item in page.judgements] == [16, 32, 64, 128]
    by_bits = {item.bits: item for item in page.judgements}
    for bits, least in ((16, 0.36), (32, 0.39), (64, 0.40), (128, 0.40)):
        single = next(item for item in by_bits[bits].judged if item.method == "single")
        result = single.metrics
        assert result.worst_map <= result.mean_average_precision <= result.best_map
        assert result.mean_average_precision > max(least, 2 * result.chance)
        assert single.own.recall_at_10 > 5 * single.own.chance
    assert "0.4" in page.cards[0].accessibleName()
    assert page.table.rowCount() == 16
    assert len(page.curves.lines) == 5
    first = page.cards[0].accessibleName()
    page.way.choose("image → text")
    assert page.cards[0].accessibleName() != first
    page.save_figures(tmp_path / "out")
    held = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert [item["bits"] for item in held] == [16, 32, 64, 128]
    assert len((tmp_path / "out" / "figures.csv").read_text().splitlines()) == 1 + 4 * 8
    assert len((tmp_path / "out" / "curves.csv").read_text().splitlines()) == 1 + 4 * 8 * 8


def test_evaluation_of_data_that_does_not_fit(tab, qtbot, tmp_path):
    tab.choice.choose("evaluate")
    np.savez(tmp_path / "features.npz", image=np.ones((8, 5)), text=np.ones((8, 5)), label=np.ones((8, 2)))
    tab.accept_paths([tmp_path / "features.npz"])
    tab.act()
    qtbot.waitUntil(lambda: "do not fit the model" in messages_of(tab) and idle(tab), timeout=60_000)
    (tmp_path / "nothing").mkdir()
    tab.accept_paths([tmp_path / "nothing"])
    tab.act()
    qtbot.waitUntil(lambda: "no picture with a caption" in messages_of(tab) and idle(tab), timeout=60_000)
    assert tab.evaluate.judgements == []
