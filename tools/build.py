"""``make build``: the program without a Python of one's own, built, started and measured.

PyInstaller makes ``build/dist/polyphony`` from ``build.spec``; the folder is started under Xvfb with ``--selftest`` from another
place, so that nothing of the checkout helps it; what it says, its size and its times go to ``build/report.json``. On Linux a
tarball with the desktop file, icon and metainfo is written beside it, unless ``--no-tarball`` is given.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LONGEST_S = 1800  # for the self-test


def main() -> int:
    """0 where the built program passes its own test."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--to", type=Path, default=ROOT / "build", help="the folder to build in")
    parser.add_argument("--no-tarball", action="store_true", help="only the folder")
    parser.add_argument("--test-only", action="store_true", help="test the folder that is there")
    chosen = parser.parse_args()
    place: Path = chosen.to.resolve()
    program = place / "dist" / "polyphony"
    if not chosen.test_only:
        build(place)
    size = sum(
        path.lstat().st_size for path in program.rglob("*") if path.is_file() and not path.is_symlink()
    )
    print(f"{program}: {size / 1e6:.0f} MB")
    told = selftest(program)
    report = {"megabytes": round(size / 1e6), **told}
    if not chosen.no_tarball and sys.platform.startswith("linux"):
        report["tarball_megabytes"] = round(tarball(program) / 1e6)
    (place / "report.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(json.dumps(report, indent=1))
    return 1 if told["exit_code"] else 0


def build(place: Path) -> None:
    """PyInstaller's folder, and beside the program what a Linux desktop wants to know of it."""
    shutil.rmtree(place / "dist", ignore_errors=True)
    words = ["--noconfirm", "--distpath", str(place / "dist"), "--workpath", str(place / "work")]
    command = [sys.executable, "-m", "PyInstaller", *words, str(ROOT / "build.spec")]
    subprocess.run(command, check=True, cwd=ROOT)
    shutil.rmtree(place / "work", ignore_errors=True)
    program = place / "dist" / "polyphony"
    for path in (ROOT / "packaging" / "linux").iterdir():
        shutil.copy2(path, program / path.name)
    (program / "install.sh").chmod(0o755)
    shutil.copy2(ROOT / "resources" / "icons" / "polyphony.svg", program / "polyphony.svg")


def selftest(program: Path) -> dict[str, object]:
    """Start the program where nothing of the checkout is found, and hear what it says."""
    name = "polyphony.exe" if sys.platform == "win32" else "polyphony"
    command = [str(program / name), "--selftest"]
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        command = ["xvfb-run", "-a", "-s", "-screen 0 1280x800x24", *command]
    foreign = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "QT_QPA_PLATFORM")
    environment = {key: value for key, value in os.environ.items() if key not in foreign}
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(
            command,
            cwd=elsewhere,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=LONGEST_S,
        )
    print(done.stdout)
    last = next((line for line in reversed(done.stdout.splitlines()) if line.startswith("{")), "{}")
    return {"exit_code": done.returncode, **json.loads(last)}


def tarball(program: Path) -> int:
    """The folder as one file; returns its size in bytes."""
    place = program.with_name("polyphony-linux-x86_64.tar.xz")
    with tarfile.open(place, "w:xz", preset=1) as file:
        file.add(program, "polyphony")
    return place.stat().st_size


if __name__ == "__main__":
    sys.exit(main())
