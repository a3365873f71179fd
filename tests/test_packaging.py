"""What is installed: commands, versions that agree, every resource and page in the package; and where things are stored."""

import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_the_version_is_the_same_wherever_it_stands():
    version = PROJECT["version"]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))["version"] == version
    assert f"## {version}\n" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    metainfo = next((ROOT / "packaging" / "linux").glob("*.metainfo.xml")).read_text("utf-8")
    assert f'<release version="{version}"' in metainfo


@pytest.mark.parametrize(("name", "place"), [*PROJECT["scripts"].items(), *PROJECT["gui-scripts"].items()])
def test_the_commands_are_there(name, place):
    module, _, function = place.partition(":")
    assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize("module", ["app", "models"])
def test_version_is_told(module):
    done = subprocess.run(
        [sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"Polyphony \d+\.\d+\.\d+\n", done.stdout)


@pytest.mark.parametrize("words", [["-m", "models"], ["-u", "-m", "models"]])
def test_the_built_program_is_its_own_python_and_its_children_wait_for_no_window(words):
    code = (
        "import sys; from app.frozen import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: print('RESULT', end.code, 'PySide6' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words, "list"], capture_output=True, text=True)
    assert "RESULT 0 False" in done.stdout, done.stdout + done.stderr
    assert "emotion" in done.stdout


@pytest.mark.slow
def test_the_built_program_starts_several_processes_that_train_together():
    """As torchrun does it, which starts each of them with its own program and the words of a Python."""
    code = "import sys; from app.frozen import main\nmain(sys.argv[1:])"
    words = ["-m", "torch.distributed.run", "--help"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--nproc-per-node" in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_can_complete_the_verbs(shell):
    words = [sys.executable, "-m", "models", "completion", shell]
    script = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    for verb in ("train", "models", "fetch", "verify", "completion"):
        assert verb in script


def test_help_lists_and_mistakes_need_neither_torch_nor_numpy():
    """What is not imported cannot take long: that is held, a time is not."""
    code = (
        "import sys; from models.cli import main\n"
        "try: code = main(sys.argv[1:])\n"
        "except SystemExit as end: code = end.code\n"
        "heavy = [name for name in ('torch', 'numpy', 'pydantic', 'transformers', 'mne') if name in sys.modules]\n"
        "print('RESULT', code, heavy)"
    )
    for words, expected in (
        (["--help"], 0),
        (["list"], 0),
        (["train", "nonsense"], 2),
        (["train", "emotion", "--preset", "nonsense"], 2),
        (["describe", "emotion", "--checkpoint", "/no/such"], 2),
        (["nonsense"], 2),
    ):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
        assert f"RESULT {expected} []" in done.stdout, (words, done.stdout, done.stderr)


@pytest.mark.slow
def test_every_resource_and_page_is_in_the_package(tmp_path):
    """As setuptools would put them into a wheel."""
    words = ["setup.py", "-q", "build_py", "--build-lib", str(tmp_path / "lib")]
    words += ["egg_info", "--egg-base", str(tmp_path)]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True, text=True)
    assert (
        "absent from the `packages` configuration" not in done.stdout + done.stderr
    )  # pages of it at each install
    for folder in ("resources", "models", "app"):
        wanted = {path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file()}
        wanted = {path for path in wanted if "__pycache__" not in path.parts and path.suffix != ".pyc"}
        packed = {path.relative_to(tmp_path / "lib") for path in (tmp_path / "lib" / folder).rglob("*")}
        assert wanted - packed == set()
    pages = {path.name for path in (tmp_path / "lib" / "resources" / "docs").iterdir()}
    assert {
        path.name for path in (ROOT / "docs").iterdir() if path.suffix in (".md", ".png", ".svg")
    } <= pages


def test_the_page_of_what_is_stored_names_every_place():
    """Each ``home() / "…"`` of the source is a row of docs/storage.md, and each row is in the source."""
    page = (ROOT / "docs" / "storage.md").read_text("utf-8")
    source = "\n".join(
        path.read_text("utf-8") for part in ("app", "models") for path in (ROOT / part).rglob("*.py")
    )
    written = set(re.findall(r'(?<!Path\.)\bhome\(\) / "([\w.-]+)"', source))
    assert len(written) >= 8
    told = {name.rstrip("/") for name in re.findall(r"^\| [^|]+ \| `([\w./-]+)`", page, flags=re.M)}
    assert told == written
