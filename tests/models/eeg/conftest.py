"""The sample, and two small decoders trained on it once."""

import pytest

from models.cli import main
from models.eeg import data
from models.eeg.samples import located
from tests.models.eeg.helpers import TINY


@pytest.fixture(scope="session")
def sample():
    return data.open_dataset(located("sample"))


@pytest.fixture(scope="session")
def ridge_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("eeg") / "ridge"
    assert main(["train", "eeg", "--preset", "ridge", "--set", "data.path=sample", "data.test_subjects=['3']",
                 "ridge.penalties=[0.3, 1]", "--run", str(folder), "--quiet", "--device", "cpu"]) == 0  # fmt: skip
    return folder


@pytest.fixture(scope="session")
def conformer_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("eeg") / "conformer"
    assert main(["train", "eeg", "--preset", "demo", "--set", *TINY, "epochs=2", "data.test_subjects=['3']",
                 "--run", str(folder), "--quiet", "--device", "cpu"]) == 0  # fmt: skip
    return folder
