"""What is told of an error can be written, whatever stood in the file."""

import pytest

from models.errors import LONGEST_VALUE, UserError


@pytest.mark.parametrize(
    ("value", "told"), [("a\ud83d b", "a\ufffd b"), ("x" * 9999, "x" * (LONGEST_VALUE - 1) + "…")]
)
def test_what_a_file_says_is_cut_and_can_be_written(value, told):
    assert str(UserError("It holds {text}.", text=value)) == f"It holds {told}."


def test_names_of_files_stay_as_their_bytes():
    assert (
        str(UserError("{name} is empty.", name="caf\udce9.wav")).encode("utf-8", "surrogateescape")[:4]
        == b"caf\xe9"
    )
