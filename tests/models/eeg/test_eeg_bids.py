"""Folders as BIDS lays them out (version 1.9): read as they are, with what stands beside a recording; damaged ones refused."""

import gzip
import json
import shutil

import numpy as np
import pytest
import soundfile

from models.cli import main
from models.eeg import bids
from models.eeg.data import open_dataset
from models.eeg.recordings import open_recording
from models.errors import UserError
from tests.cases.test_recordings import write_edf
from tests.models.eeg.test_eeg_recordings import brain

NAMES = ("Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "Fz", "Cz", "Pz", "VEOG")
SECONDS = 30


def write_tree(root):
    """Two subjects; the first with two sessions, of which one has two runs; what holds for all stands at the top."""
    (root / "stimuli").mkdir(parents=True)
    (root / "dataset_description.json").write_text(
        json.dumps({"Name": "Listening", "BIDSVersion": "1.9.0", "DatasetType": "raw"})
    )
    (root / "participants.tsv").write_text(
        "participant_id\tage\tsex\nsub-01\t24\tF\nsub-02\t31\tn/a\nsub-03\t40\tM\n"
    )
    (root / "task-listen_eeg.json").write_text(
        json.dumps(
            {"TaskName": "listen", "EEGReference": "CMS", "SamplingFrequency": 128, "PowerLineFrequency": 50}
        )
    )
    generator = np.random.default_rng(0)
    for number in (1, 2):
        talk = np.repeat(generator.uniform(0.05, 1, 20 * 8), 2000) * generator.normal(0, 0.3, 20 * 16000)
        soundfile.write(root / "stimuli" / f"talk{number}.wav", talk.clip(-1, 1), 16000)
    for name in ("sub-01/ses-1/eeg/sub-01_ses-1_task-listen_run-1", "sub-01/ses-1/eeg/sub-01_ses-1_task-listen_run-2",
                 "sub-01/ses-2/eeg/sub-01_ses-2_task-listen", "sub-02/eeg/sub-02_task-listen"):  # fmt: skip
        place = root / f"{name}_eeg.edf"
        place.parent.mkdir(parents=True, exist_ok=True)
        write_edf(place, brain(SECONDS, channels=len(NAMES)), list(NAMES))
        rows = [
            f"{channel}\t{'VEOG' if channel == 'VEOG' else 'EEG'}\tuV\t{'bad' if channel == 'P4' else 'good'}"
            for channel in NAMES
        ]
        (root / f"{name}_channels.tsv").write_text("\n".join(["name\ttype\tunits\tstatus", *rows]) + "\n")
        talk = 2 if "run-2" in name else 1
        (root / f"{name}_events.tsv").write_text(
            "onset\tduration\ttrial_type\tstim_file\n"
            f"2.5\tn/a\tstory\ttalk{talk}.wav\n25.0\t0.5\tquestion\tn/a\n"
        )
    return root


@pytest.fixture
def tree(tmp_path):
    return write_tree(tmp_path / "study")


def test_the_recordings_of_a_folder(tree):
    folder = bids.open_folder(tree)
    assert folder.name == "Listening"
    assert [(run.subject, run.session, run.title) for run in folder.runs] == [
        ("01", "1", "listen 1"), ("01", "1", "listen 2"), ("01", "2", "listen"), ("02", "", "listen"),
    ]  # fmt: skip
    assert folder.participants["01"] == {"participant_id": "sub-01", "age": "24", "sex": "F"}
    assert [str(remark) for remark in folder.remarks] == ["Without a recording of EEG: 03."]
    assert [run.path for run in folder.chosen(sub="1", ses="1", run="02")] == [folder.runs[1].path]
    with pytest.raises(UserError, match="no recording sub-07"):
        folder.chosen(sub="sub-07")


def test_what_stands_beside_a_recording(tree):
    recording = open_recording(bids.open_folder(tree).runs[0].path)
    assert recording.channel_names == NAMES[:-1]
    assert recording.marked_bad == ("P4",)
    assert recording.eyes == ("VEOG",)
    assert [(annotation.onset_s, annotation.duration_s, annotation.text) for annotation in recording.annotations] == [
        (2.5, 0.0, "story"), (25.0, 0.5, "question"),
    ]  # fmt: skip
    assert "recorded against CMS" in " ".join(map(str, recording.remarks))
    (tree / "task-listen_eeg.json").write_text('{"SamplingFrequency": 512}')
    recording = open_recording(recording.path)
    assert "says 512 Hz" in " ".join(map(str, recording.remarks))


def test_the_nearest_table_holds(tree):
    run = bids.open_folder(tree).runs[2]
    own = run.path.with_name("sub-01_ses-2_task-listen_channels.tsv")
    shutil.move(own, tree / "task-listen_channels.tsv")  # for all below
    assert open_recording(run.path).marked_bad == ("P4",)
    (tree / "sub-01" / "sub-01_channels.tsv").write_text("name\ttype\tstatus\nO1\tEEG\tbad\nQ9\tEEG\tgood\n")
    recording = open_recording(run.path)
    assert recording.marked_bad == ("O1",)
    assert "lacks: Q9" in " ".join(map(str, recording.remarks))
    (tree / "sub-02" / "sub-02_ses-9_channels.tsv").write_text("name\ttype\tstatus\nO2\tEEG\tbad\n")
    other = bids.open_folder(tree).runs[3]
    assert open_recording(other.path).marked_bad == ("P4",)  # a table of a session that it is not of


def test_packed_recordings(tree):
    run = bids.open_folder(tree).runs[3]
    plain = open_recording(run.path).read(1, 3)
    packed = run.path.with_name(run.path.name + ".gz")
    with gzip.open(packed, "wb") as file:
        file.write(run.path.read_bytes())
    run.path.unlink()
    assert bids.open_folder(tree).runs[3].path == packed
    recording = open_recording(packed)
    np.testing.assert_array_equal(recording.read(1, 3), plain)
    assert recording.marked_bad == ("P4",)
    assert recording.path == packed
    packed.write_bytes(packed.read_bytes()[:2000])
    with pytest.raises(UserError, match="breaks off"):
        open_recording(packed)


@pytest.mark.slow
def test_a_folder_is_a_data_set(tree):
    np.savez(
        tree / "stimuli" / "talk3.npz", audio=soundfile.read(tree / "stimuli" / "talk2.wav")[0], fs=16000
    )
    with gzip.open(tree / "stimuli" / "talk3.npz.gz", "wb") as file:
        file.write((tree / "stimuli" / "talk3.npz").read_bytes())
    events = tree / "sub-02/eeg/sub-02_task-listen_events.tsv"
    events.write_text("onset\tduration\tstim_file\n4\t20\ttalk3.npz.gz\n8\t5\tlost.wav\n")
    dataset = open_dataset(tree)
    assert [(item.subject, item.stimulus, len(item.envelope)) for item in dataset.items] == [
        ("01", "talk1", 20 * 64), ("01", "talk2", 20 * 64), ("01", "talk1", 20 * 64), ("02", "talk3", 20 * 64),
    ]  # fmt: skip
    assert dataset.channel_names == NAMES[:-1]
    assert "lost.wav" in str(dataset.skipped[0])
    np.testing.assert_allclose(dataset.items[1].envelope, dataset.items[3].envelope, atol=1e-3)
    events.write_text("onset\tduration\tstim_file\n4\t20\t../../secret.wav\n")
    assert "outside" in str(open_dataset(tree).skipped[0])
    events.unlink()
    assert "names no stimulus" in str(open_dataset(tree).skipped[0])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("dataset_description.json", "{", "dataset_description.json"),
        ("dataset_description.json", '{"Name": "x"}', "BIDSVersion"),
        ("task-listen_eeg.json", "[1]", "no list of fields"),
        ("sub-02/eeg/sub-02_task-listen_channels.tsv", "channel\tkind\n", "lacks the column"),
        (
            "sub-02/eeg/sub-02_task-listen_events.tsv",
            "onset\tduration\nsoon\t1\n",
            "Line 2: the onset is soon",
        ),
        ("sub-02/eeg/sub-02_task-listen_events.tsv", "onset\tduration\n1\t-4\n", "the duration is -4"),
    ],
)
def test_damaged_folders_are_refused_in_words(tree, name, text, said):
    (tree / name).write_text(text)
    with pytest.raises(UserError, match=said):
        open_recording(bids.open_folder(tree).runs[3].path)


def test_folders_that_are_not_as_they_should_be(tree, tmp_path):
    (tree / "participants.tsv").write_text("name\nx\n")
    (tree / "dataset_description.json").unlink()
    shutil.copy(bids.open_folder(tree).runs[3].path, tree / "sub-01/ses-1/eeg/sub-02_task-listen_eeg.edf")
    folder = bids.open_folder(tree)
    said = " ".join(map(str, folder.remarks))
    assert "no dataset_description.json" in said
    assert "participants.tsv was passed over" in said
    assert "another subject or session" in said
    assert len(folder.runs) == 4
    (tmp_path / "other" / "sub-01" / "eeg").mkdir(parents=True)
    assert bids.is_bids(tmp_path / "other")
    with pytest.raises(UserError, match="no recording of EEG"):
        bids.open_folder(tmp_path / "other")
    assert bids.root_of(tmp_path / "sub-01_task-x_eeg.edf") is None
    derived = tmp_path / "derived" / "sub-01" / "eeg"
    derived.mkdir(parents=True)
    np.save(derived / "sub-01_desc-preproc-audio-story_eeg.npy", np.zeros((64, 640)))
    assert not bids.is_bids(tmp_path / "derived")  # what SparrKULee derives is a data set of arrays


def test_the_terminal_chooses(tree, tmp_path, capsys):
    from models.eeg.channels import BIOSEMI64

    for run in bids.open_folder(tree).runs[:2]:
        write_edf(run.path, brain(12), list(BIOSEMI64))
        for ending in ("channels.tsv", "events.tsv"):
            run.path.with_name(run.path.name.replace("eeg.edf", ending)).unlink()
    words = [
        "use",
        "eeg",
        tree,
        "--session",
        "1",
        "--out",
        tmp_path / "out",
        "--device",
        "cpu",
        "--quiet",
        "--json",
    ]
    assert main([*map(str, words)]) == 0
    result = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert len(result["files"]) == 2
    assert main([*map(str, [*words[:3], "--participant", "9", "--out", tmp_path / "o"])]) == 2
    assert "holds no recording sub-9" in capsys.readouterr().err
