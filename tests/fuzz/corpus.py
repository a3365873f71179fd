"""The whole files that mutants are made of: a small one of every kind that is read, made anew in a folder each time."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

import models.torchaudio_cpu  # noqa: F401  before transformers, which imports torchaudio
from models.resources import resource
from tests.cases.edf import write_edf

NAMES = ("Fp1", "Fp2", "C3", "C4", "O1", "O2", "Cz", "Pz")
RATE = 8000


def make(folder: Path, family: str) -> list[Path]:
    """The seeds of a family: files, or folders of which one file is changed at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    made = FAMILIES[family](folder)
    return [path for path in made if path.exists()]


def _sound() -> np.ndarray:
    time = np.arange(RATE // 4) / RATE
    return (0.4 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)


def _audio(folder: Path) -> list[Path]:
    import av
    import soundfile

    sound = _sound()
    paths = [folder / f"a.{name}" for name in ("wav", "flac", "ogg", "mp3", "aiff", "w64", "au", "caf")]
    for path in paths:
        soundfile.write(path, sound, RATE)
    soundfile.write(folder / "float.wav", np.stack([sound, -sound], 1), RATE, subtype="FLOAT")
    paths.append(folder / "float.wav")
    for name, codec, container, rate in (
        ("a.m4a", "aac", "mp4", RATE),
        ("a.webm", "libopus", "webm", 48_000),
    ):
        with av.open(str(folder / name), "w", format=container) as out:
            stream = out.add_stream(codec, rate=rate)
            stream.layout = "mono"
            frame = av.AudioFrame.from_ndarray(sound[None, :960].copy(), format="fltp", layout="mono")
            for number in range(4):
                frame.sample_rate, frame.pts, frame.time_base = rate, 960 * number, Fraction(1, rate)
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        paths.append(folder / name)
    return paths


def _brain(seconds: int = 3) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 10, (seconds * 64, len(NAMES)))


def _recordings(folder: Path) -> list[Path]:
    import mne
    import pybv
    import scipy.io

    eeg = _brain()
    paths = [write_edf(folder / "a.edf", eeg, NAMES), write_edf(folder / "a.bdf", eeg, NAMES, kind="bdf")]
    paths.append(write_edf(folder / "plus.edf", eeg, NAMES, onsets=[0, 1, 2], note=b"x", plus="EDF+C"))
    raw = mne.io.RawArray(eeg.T * 1e-6, mne.create_info(list(NAMES), 64, "eeg"), verbose="error")
    raw.save(folder / "a_raw.fif", verbose="error")
    mne.export.export_raw(folder / "a.set", raw, verbose="error")
    brain = folder / "brainvision"
    pybv.write_brainvision(
        data=eeg.T * 1e-6, sfreq=64, ch_names=list(NAMES), fname_base="a", folder_out=str(brain)
    )
    plain = {"eeg": eeg, "fs": 64, "channels": np.array(NAMES), "envelope": np.ones(len(eeg))}
    np.savez(folder / "a.npz", **plain)
    np.save(folder / "a.npy", eeg.astype(np.float32))
    scipy.io.savemat(folder / "a.mat", plain)
    cell = np.empty((1, 2), object)
    cell[0, 0], cell[0, 1] = eeg, eeg[:100]
    scipy.io.savemat(folder / "packed.mat", {"eeg": cell, "fs": 64}, do_compression=True)
    return [*paths, folder / "a_raw.fif", folder / "a.set", brain, folder / "a.npz", folder / "a.npy", folder / "a.mat",
            folder / "packed.mat", _matlab_73(folder / "new.mat", eeg)]  # fmt: skip


def _matlab_73(path: Path, eeg: np.ndarray) -> Path:
    import h5py

    with h5py.File(path, "w", userblock_size=512) as file:
        dataset = file.create_dataset("eeg", data=eeg.T, compression="gzip")
        dataset.attrs["MATLAB_class"] = np.bytes_("double")
        file.create_dataset("fs", data=[[64.0]]).attrs["MATLAB_class"] = np.bytes_("double")
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    return path


def _histories(folder: Path) -> list[Path]:
    from models.eeg.preprocessing import preprocess
    from models.eeg.recordings import open_recording

    np.savez(folder / "a.npz", eeg=_brain(20), fs=64, channels=np.array(NAMES))
    preprocess(open_recording(folder / "a.npz")).history.save(folder / "a.json")
    return [folder / "a.json"]


def _sequences(folder: Path) -> list[Path]:
    import pyarrow
    import pyarrow.parquet

    x = np.random.default_rng(0).normal(size=(6, 4, 3)).astype(np.float32)
    np.savez(folder / "a.npz", x=x, y=np.arange(6.0), lengths=[4, 3, 2, 1, 4, 4], group=list("aabbcc"))
    np.save(folder / "a.npy", x)
    columns = {
        "sequence": ["a", "a", "b", "b"],
        "f1": [1.0, 2, 3, 4],
        "f2": [0.5] * 4,
        "target": [1, 1, 2, 2],
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "a.parquet")
    rows = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    (folder / "a.csv").write_text("\n".join(rows) + "\n")
    (folder / "b.csv").write_text("\n".join(row.replace(",", ";").replace(".", ",") for row in rows) + "\n")
    return [folder / name for name in ("a.npz", "a.npy", "a.parquet", "a.csv", "b.csv")]


def _tables(folder: Path) -> list[Path]:
    import soundfile

    for name in "abcd":
        soundfile.write(folder / f"{name}.wav", _sound(), RATE)
    (folder / "emotion.csv").write_text(
        "path,emotion,speaker,sex,start_s,end_s\na.wav,angry,1,f,,\nb.wav,sad,2,m,0,0.2\nc.wav,happy,3,f,0.1,\n"
    )
    (folder / "separation.csv").write_text("path,speaker,sex,start_s,end_s\na.wav,1,f,,\nb.wav,2,m,0,0.2\n")
    (folder / "mixtures.csv").write_text(
        "mixture_ID,mixture_path,source_1_path,source_2_path\nx,a.wav,b.wav,c.wav\n"
    )
    return [folder / name for name in ("emotion.csv", "separation.csv", "mixtures.csv")]


def _captions(folder: Path) -> list[Path]:
    from PIL import Image

    for name in "ab":
        Image.new("RGB", (4, 4)).save(folder / f"{name}.png")
    (folder / "a.csv").write_text(
        "file,caption,keywords,part\na.png,red||round,x|y,train\nb.png,blue,,test\n"
    )
    (folder / "a.jsonl").write_text(
        '{"file": "a.png", "caption": ["red"]}\n{"file": "b.png", "caption": "blue"}\n'
    )
    coco = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"image_id": 1, "caption": "red"}]}
    (folder / "a.json").write_text(json.dumps(coco))
    return [folder / name for name in ("a.csv", "a.jsonl", "a.json")]


def _features(folder: Path) -> list[Path]:
    import torch
    from safetensors.torch import save_file

    arrays = {
        part: {"image": np.ones((4, 3), np.float32), "text": np.zeros((4, 3)), "label": np.eye(4)}
        for part in ("train", "query")
    }
    for protocol in (0, 2, 4, 5):
        (folder / f"{protocol}.pkl").write_bytes(pickle.dumps(arrays, protocol))
    (folder / "list.pkl").write_bytes(
        pickle.dumps({"image": [[1.0, 2]], "text": [[1, 2]], "label": np.array(["a"])})
    )
    flat = {f"{part}_{name}": value for part, values in arrays.items() for name, value in values.items()}
    np.savez(folder / "a.npz", **flat)
    save_file({name: torch.tensor(value) for name, value in flat.items()}, folder / "a.safetensors")
    return [*sorted(folder.glob("*.pkl")), folder / "a.npz", folder / "a.safetensors"]


def _pictures(folder: Path) -> list[Path]:
    from PIL import Image, PngImagePlugin

    values = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8)
    picture = Image.fromarray(values)
    text = PngImagePlugin.PngInfo()
    text.add_text("workflow", "x" * 200, zip=True)
    picture.save(folder / "a.png", pnginfo=text)
    picture.convert("RGBA").save(folder / "alpha.png")
    picture.convert("P").save(folder / "a.gif")
    for name in ("a.jpg", "a.webp", "a.bmp", "a.tif", "a.ppm", "a.tga", "a.ico"):
        picture.save(folder / name)
    picture.save(folder / "packed.tif", compression="tiff_lzw")
    Image.fromarray(values[..., 0].astype(np.uint16) * 200).save(folder / "wide.tif")
    return sorted(folder.iterdir())


def _settings(folder: Path) -> list[Path]:
    for system in ("emotion", "eeg", "reverberation", "separation", "search"):
        shutil.copy(sorted(resource("presets", system).glob("*.yaml"))[0], folder / f"{system}.yaml")
    (folder / "alias.yaml").write_text("a: &a [1, 2]\nb: *a\nc: {d: 2024-01-01, e: ~, f: !!float 1}\n")
    return sorted(folder.iterdir())


def _checkpoints(folder: Path) -> list[Path]:
    for system in ("emotion", "eeg", "eeg-ridge", "eeg-conformer", "search-16"):
        shutil.copytree(resource("checkpoints", system), folder / system)
    return sorted(folder.iterdir())


def _foreign(folder: Path) -> list[Path]:
    import torch
    from safetensors.torch import save_file

    state = {"module.a.weight": torch.zeros(3, 4), "module.a.bias": torch.zeros(3), "n": torch.tensor(1)}
    torch.save({"state_dict": state, "epoch": 3, "args": {"lr": 0.1}}, folder / "a.pth")
    torch.save(state, folder / "old.pt", _use_new_zipfile_serialization=False)
    save_file(state, folder / "a.safetensors")
    return [folder / name for name in ("a.pth", "old.pt", "a.safetensors")]


def _speech_models(folder: Path) -> list[Path]:
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForSequenceClassification

    from tests.cases.test_foreign_models import SIZES

    Wav2Vec2ForSequenceClassification(Wav2Vec2Config(**SIZES, num_labels=3)).save_pretrained(
        folder / "speech"
    )
    Wav2Vec2FeatureExtractor().save_pretrained(folder / "speech")
    return [folder / "speech"]


def _picture_models(folder: Path) -> list[Path]:
    from tests.models.search.conftest import save_clip

    return [save_clip(folder / "clip")]


def _indexes(folder: Path) -> list[Path]:
    from tests.cases.test_indexes_and_pictures import made

    return [made(folder / "index")]


FAMILIES: dict[str, Callable[[Path], list[Path]]] = {
    "audio": _audio, "recordings": _recordings, "histories": _histories, "sequences": _sequences, "tables": _tables,
    "captions": _captions, "features": _features, "pictures": _pictures, "settings": _settings,
    "checkpoints": _checkpoints, "foreign": _foreign, "speech models": _speech_models,
    "picture models": _picture_models, "indexes": _indexes,
}  # fmt: skip
