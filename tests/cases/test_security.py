"""What a hostile file must not bring about, watched by the interpreter itself: nothing of it is executed, nothing is written
outside the place that was named, nothing is fetched that nobody asked for."""

import json
import os
import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import soundfile

WATCHED = textwrap.dedent(
    """
    import json, os, sys
    events = []

    def watch(event, arguments):
        if event in ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "os.fork", "socket.connect", "socket.getaddrinfo"):
            events.append([event, repr(arguments)[:200]])
        elif event == "open" and isinstance(arguments[0], (str, bytes)):
            path, mode, flags = arguments
            if (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)):
                events.append(["written", os.path.realpath(os.fsdecode(path))])
        elif event in ("os.rename", "os.mkdir", "os.symlink", "os.link"):
            events.append(["written", os.path.realpath(os.fsdecode(arguments[1 if event != "os.mkdir" else 0]))])

    import models.torchaudio_cpu
    import torch, transformers  # what they do when they are imported is theirs
    from models import cli
    sys.addaudithook(watch)
    codes = [cli.main(words) for words in json.loads(sys.argv[1])]
    print("RESULT" + json.dumps([codes, events]))
    """
)


class Evil:
    def __reduce__(self):
        return os.system, ("touch executed",)


@pytest.fixture
def hostile(tmp_path):
    """A folder of hostile things, each with the command that a person would open it by."""
    place = tmp_path / "in"
    place.mkdir()
    out = tmp_path / "out"
    (place / "code.yaml").write_text("data: !!python/object/apply:os.system ['touch executed']\n")
    (place / "evil.pth").write_bytes(pickle.dumps(Evil()))
    (place / "evil.pkl").write_bytes(pickle.dumps({"image": Evil()}))
    np.save(place / "evil.npy", np.array([Evil()], object), allow_pickle=True)
    soundfile.write(place / "...wav", np.random.default_rng(0).normal(0, 0.1, 8000), 8000, format="WAV")
    model = place / "model"
    model.mkdir()
    (model / "evil.py").write_text("import os; os.system('touch executed')\nclass Evil: pass\n")
    remote = {"AutoConfig": "evil.Evil", "AutoModelForAudioClassification": "evil.Evil"}
    (model / "config.json").write_text(json.dumps({"model_type": "evil", "auto_map": remote}))
    (model / "pytorch_model.bin").write_bytes(pickle.dumps(Evil()))
    (place / "picture.svg").write_text(
        "<svg xmlns='http://www.w3.org/2000/svg'><image href='http://example.com/x'/></svg>"
    )
    (place / "list.m3u8").write_text("#EXTM3U\nhttp://example.com/a.wav\n")
    wav = str(place / "...wav")
    subjects = np.array(["a/../../../X", "../Y"])
    values = np.random.default_rng(0).normal(0, 10, (2, 640, 64))
    np.savez(place / "own.npz", eeg=values, fs=64, envelope=np.abs(values[0, :, 0]), subject=subjects)
    return tmp_path, [
        ["check", "emotion", "--config", str(place / "code.yaml")],
        ["import", "separation", str(place / "evil.pth"), "--out", str(out / "imported")],
        ["evaluate", "search", "--data", str(place / "evil.pkl"), "--out", str(out / "judged")],
        ["use", "reverberation", str(place / "evil.npy"), "--out", str(out / "gates.npz")],
        ["use", "emotion", wav, "--checkpoint", str(model), "--out", str(out / "model.csv")],
        ["use", "emotion", str(place / "list.m3u8"), "--out", str(out / "list.csv")],
        ["search", "bundled", "--image", str(place / "picture.svg")],
        ["use", "separation", wav, "--out", str(out / "tracks"), "--quiet"],
        ["evaluate", "eeg", "--data", str(place / "own.npz"), "--out", str(out / "eeg"), "--quiet"],
    ]  # fmt: skip


@pytest.mark.slow
def test_nothing_is_executed_written_elsewhere_or_fetched(hostile):
    folder, commands = hostile
    environment = {
        **os.environ, "POLYPHONY_HOME": str(folder / "home"), "TMPDIR": str(folder), "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    environment.pop("HF_HUB_OFFLINE", None)
    environment.pop(
        "TORCHINDUCTOR_CACHE_DIR", None
    )  # torch names a folder of its own there, once it was asked to compile
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, json.dumps(commands)],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    codes, events = json.loads(done.stdout.rpartition("RESULT")[2])
    assert codes == [2, 2, 2, 2, 2, 2, 2, 0, 0]
    assert not (folder / "executed").exists()
    events = [event for event in events if "'uname'" not in event[1]]  # Python's own platform module asks it
    inside = [os.path.realpath(folder), "/dev/null"]
    assert [
        event for event in events if event[0] != "written" or not event[1].startswith(tuple(inside))
    ] == []
    for name in ("X", "Y"):
        assert not list(folder.glob(name))
        assert not list(folder.parent.glob(name))
    assert all(path.parent.name == "recording" for path in (folder / "out" / "tracks").rglob("*.wav"))
