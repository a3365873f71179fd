"""Settings: read, laid over, checked; every wrong one named."""

import pytest

from models.emotion.config import EmotionConfig
from models.errors import UserError
from models.training import config as configs


def test_yaml_round_trip(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("system: emotion\nepochs: 3\ndata:\n  path: here\n")
    config = configs.validated(EmotionConfig, configs.read_yaml(path))
    assert (config.epochs, config.data.path) == (3, "here")
    assert configs.validated(EmotionConfig, config.model_dump(mode="json")) == config


def test_overrides_are_yaml():
    values = configs.override(
        {"augment": {"noise": 0.3}},
        ["augment.noise=0.5", "learning_rate=1e-4", "data.labels=[a, b]", "notes=x=y"],
    )
    assert values == {
        "augment": {"noise": 0.5},
        "learning_rate": 1e-4,
        "data": {"labels": ["a", "b"]},
        "notes": "x=y",
    }
    with pytest.raises(UserError, match="not an assignment"):
        configs.override({}, ["epochs"])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"epochs": 0}, "epochs: .*greater than or equal to 1"),
        ({"epochs": "many"}, "epochs: .*valid integer"),
        ({"augment": {"noise": 3}}, r"augment\.noise: .*less than or equal to 1"),
        ({"optimiser": 1}, "optimiser: is not a setting"),
        ({"network": {"kind": "lstm"}}, r"network\.kind: .*'enhanced', 'gru' or 'linear'"),
        ({"data": {"validation_speakers": ["1"], "test_speakers": ["1"]}}, "a speaker is on one side only"),
    ],
)
def test_every_wrong_field_is_named(values, words):
    with pytest.raises(UserError, match=words):
        configs.validated(EmotionConfig, values)


def test_files_that_are_no_configs(tmp_path):
    (tmp_path / "a.yaml").write_text("a: [1")
    (tmp_path / "b.yaml").write_text("- 1\n- 2\n")
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfe\x00")
    for name, words in (
        ("a.yaml", "as YAML"),
        ("b.yaml", "not a config"),
        ("c.yaml", "as YAML"),
        ("d.yaml", "not found"),
    ):
        with pytest.raises(UserError, match=words):
            configs.read_yaml(tmp_path / name)


def test_changed():
    assert configs.changed({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 5, "d": 3}}) == {
        "b.c": (5, 2)
    }


def test_every_shipped_preset_is_valid():
    for name in configs.presets("emotion"):
        assert configs.validated(EmotionConfig, configs.preset("emotion", name)).epochs >= 1
    with pytest.raises(UserError, match="Presets are"):
        configs.preset("emotion", "nonsense")


def test_every_field_has_title_description_and_group():
    def check(model, place):
        for name, field in model.model_fields.items():
            inner = field.annotation
            if isinstance(inner, type) and issubclass(inner, configs.Settings):
                check(inner, f"{place}.{name}")
            else:
                assert field.title, f"{place}.{name}"
                assert field.description, f"{place}.{name}"
                assert field.json_schema_extra["group"], f"{place}.{name}"

    check(EmotionConfig, "emotion")
