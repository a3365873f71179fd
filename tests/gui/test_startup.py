"""How it starts: what is not imported before the first picture, arguments, a clean end."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.screens import screen_of

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
        self.closing.go()

program.MainWindow = Watched
code = program.main(sys.argv[1:])
print(json.dumps({"code": code, **seen}))
"""


def start(tmp_path, *words, **more):
    script = tmp_path / "watch.py"
    script.write_text(textwrap.dedent(WATCH))
    environment = dict(
        os.environ, QT_QPA_PLATFORM="offscreen", PYTHONPATH=str(ROOT), POLYPHONY_HOME=str(tmp_path / "home")
    )
    environment.update(more)
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


FITS = """
import json, sys
import app.__main__ as program
from app.main_window import MainWindow
from PySide6.QtCore import QTimer

class Watched(MainWindow):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.filled.connect(lambda: QTimer.singleShot(0, self, self.look))
    def look(self):
        room, frame = self.screen().availableGeometry(), self.frameGeometry()
        foot = self.status.mapToGlobal(self.status.rect().bottomRight())
        self.found = {"inside": room.contains(frame), "foot": room.contains(foot),
                      "frame": frame.getRect(), "room": room.getRect()}
        self.closing.go()

program.MainWindow = Watched
made = []
remember = MainWindow.closeEvent
MainWindow.closeEvent = lambda self, event: (made.append(self), remember(self, event))[1]
program.main(sys.argv[1:])
print(json.dumps(made[-1].found))
"""


@pytest.mark.parametrize("tab", ["emotion", "reverberation"])
@pytest.mark.parametrize(
    ("size", "scale"), [((1024, 768), 1), ((1280, 800), 1), ((1366, 768), 1), ((1280, 800), 2), ((2560, 1440), 2)]
)  # fmt: skip
def test_the_window_and_its_status_line_are_on_the_screen(tmp_path, size, scale, tab):
    script = tmp_path / "fits.py"
    script.write_text(FITS)
    environment = dict(
        os.environ, **screen_of(*size, scale), PYTHONPATH=str(ROOT), POLYPHONY_HOME=str(tmp_path / "home")
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(script), "--tab", tab], capture_output=True, text=True, env=environment, cwd=ROOT, timeout=60
    )  # fmt: skip
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["inside"], result
    assert result["foot"], result


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
def test_a_full_disk_does_not_keep_it_from_starting_and_is_said(tmp_path):
    script = tmp_path / "full.py"
    script.write_text(
        "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))\n"
        + FITS.replace(
            "self.found = {",
            'self.keeper.keep()\n        self.found = {"said": [one.heading for one in self.current.messages.messages],',
        )
    )
    environment = dict(os.environ, PYTHONPATH=str(ROOT), POLYPHONY_HOME=str(tmp_path / "home"))
    done = subprocess.run(
        [sys.executable, "-B", str(script), "--tab", "eeg"], capture_output=True, text=True, env=environment, cwd=ROOT, timeout=60
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert any("cannot be written" in words for words in json.loads(done.stdout.splitlines()[-1])["said"])


def test_a_home_whose_name_is_too_long_does_not_keep_it_from_starting(tmp_path):
    environment = {"POLYPHONY_HOME": str(tmp_path / ("x" * 300))}
    assert start(tmp_path, "--tab", "eeg", **environment)["tab"] == "eeg"
