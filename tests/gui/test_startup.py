"""How it starts: what is not imported before the first picture, arguments, a clean end."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ["torch", "torchaudio", "transformers", "silero_vad", "matplotlib", "scipy", "mne", "faiss", "pandas"]

WATCH = """
import json, sys
import app.__main__ as program
from app.main_window import MainWindow

seen = {}
class Watched(MainWindow):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.painted.connect(lambda: seen.update(painted=sorted({name.split(".")[0] for name in sys.modules})))
        self.filled.connect(self.look)
    def look(self):
        seen.update(tab=self.current.system, filled=sorted({name.split(".")[0] for name in sys.modules}))
        self._go()

program.MainWindow = Watched
code = program.main(sys.argv[1:])
print(json.dumps({"code": code, **seen}))
"""


def start(tmp_path, *words):
    script = tmp_path / "watch.py"
    script.write_text(textwrap.dedent(WATCH))
    environment = dict(
        os.environ, QT_QPA_PLATFORM="offscreen", PYTHONPATH=str(ROOT), POLYPHONY_HOME=str(tmp_path / "home")
    )
    done = subprocess.run(
        [sys.executable, str(script), *words],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_window_is_painted_before_anything_heavy_is_imported(tmp_path):
    seen = start(tmp_path, "--tab", "eeg")
    assert seen["code"] == 0
    assert seen["tab"] == "eeg"
    assert "PySide6" in seen["painted"]
    for name in [*HEAVY, "pyqtgraph", "pydantic"]:
        assert name not in seen["painted"], name
    for name in HEAVY:
        assert name not in seen["filled"], name


@pytest.mark.parametrize("system", ["emotion", "search"])
def test_tabs_that_are_built_import_nothing_heavy_when_they_are_shown(tmp_path, system):
    seen = start(tmp_path, "--tab", system)
    assert seen["tab"] == system
    for name in HEAVY:
        assert name not in seen["filled"], name


@pytest.mark.parametrize("system", ["separation", "reverberation", "search"])
def test_it_opens_with_the_tab_that_is_named(tmp_path, system):
    assert start(tmp_path, "--tab", system)["tab"] == system


def test_a_clean_end_leaves_no_marker_and_keeps_the_settings(tmp_path):
    start(tmp_path, "--tab", "search")
    assert (tmp_path / "home" / "settings.ini").is_file()
    assert list((tmp_path / "home" / "crashes").glob("running-*")) == []
    assert start(tmp_path)["tab"] == "search"


def test_a_home_that_cannot_be_written_does_not_keep_it_from_starting(tmp_path):
    (tmp_path / "home").write_text("a file")
    assert start(tmp_path, "--tab", "eeg")["tab"] == "eeg"


def test_unknown_words_are_refused():
    from app.__main__ import _parse

    with pytest.raises(SystemExit):
        _parse(["--tab", "nothing"])
    assert [path.name for path in _parse(["--tab", "eeg", "a.wav"]).files] == ["a.wav"]
