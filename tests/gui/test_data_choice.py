"""The choice of the data set that a page works on."""

from app.widgets.data_choice import SAMPLE, DataChoice
from app.widgets.labels import Elided


def test_what_ships_has_a_name_and_a_data_set_that_is_gone_is_not_taken_up_again(qtbot, tmp_path):
    data = DataChoice("Drop a data set", "A folder", "What ships")
    qtbot.addWidget(data)
    told = []
    data.chosen.connect(lambda: told.append(data.path))
    data.choose(SAMPLE)
    assert data.findChild(Elided).whole() == "What ships"
    data.choose(str(tmp_path))
    assert data.findChild(Elided).whole() == str(tmp_path)
    for remembered in (str(tmp_path / "gone"), "", None, 3):
        data.restore(remembered)
    assert told == [SAMPLE, str(tmp_path)]
    data.restore(SAMPLE)
    assert data.path == SAMPLE
