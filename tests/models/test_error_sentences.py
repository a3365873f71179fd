"""What is told of an error can be written, whatever stood in the file."""

import ast
from pathlib import Path

import pytest

from models.errors import LONGEST_VALUE, UserError
from models.remarks import Remark

ROOT = Path(__file__).parents[2]
CHINESE = {"It holds {text}.": "其中有 {text}。", "{name} is noisy": "{name} 有噪声", "the stream": "数据流"}


def chinese(text):
    return CHINESE.get(text, text)


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


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (Remark("the stream"), "其中有 数据流。"),
        ((Remark("{name} is noisy", name="Cz"), Remark("the stream")), "其中有 Cz 有噪声, 数据流。"),
        (
            UserError("It holds {text}.", "the stream", text=Remark("the stream")),
            "其中有 其中有 数据流。 数据流。",
        ),
        (("a", "b"), "其中有 ('a', 'b')。"),
        ((), "其中有 ()。"),
        ("the stream", "其中有 the stream。"),  # what a file says stays as it is
    ],
)
def test_what_the_program_itself_says_within_a_sentence_is_translated_with_it(value, told):
    assert UserError("It holds {text}.", text=value).translated(chinese) == told
    assert Remark("It holds {text}.", text=value).translated(chinese) == told


@pytest.mark.slow
def test_an_error_of_ours_is_handed_on_whole_not_as_english_text():
    """In ``except UserError as error`` its text would reach the window untranslated: the error itself is the value."""
    places = []
    for path in [*(ROOT / "models").rglob("*.py"), *(ROOT / "app").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                not isinstance(node, ast.ExceptHandler)
                or ast.unparse(node.type or ast.Name("")) != "UserError"
            ):
                continue
            for call in [item for item in ast.walk(node) if isinstance(item, ast.Call)]:
                if ast.unparse(call.func) in ("UserError", "Remark", "tr", "self._tab.show_message"):
                    values = [*call.args, *(keyword.value for keyword in call.keywords)]
                    wrong = [value for value in values if f"str({node.name})" in ast.unparse(value)]
                    places += [f"{path.relative_to(ROOT)}:{value.lineno}" for value in wrong]
    assert not places
