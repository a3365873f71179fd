import pytest

from models.errors import UserError
from models.reverberation.config import ReverberationConfig, mesh_of
from models.reverberation.wiring import Wiring, cyclic, documented
from models.training.config import validated


def test_documented_roles_belong_to_a_processor_that_reads_them():
    wiring = documented().check()
    assert all(role in wiring.reads[processor] for role, processor in wiring.own.items())
    assert [role for role in wiring.own if sum(role in roles for roles in wiring.reads.values()) == 2] == [
        "philip",
        "elena",
    ]


def test_cyclic_is_by_number():
    wiring = cyclic().check()
    assert wiring.own["eileen"] == "data_aggregator"
    assert wiring.own["cello"] == "data_aggregator"
    assert wiring.reads["sync_coordinator"] == ["violin2", "eileen", "pluto"]


def test_moving_and_adding_keeps_a_wiring_that_works():
    moved = documented().moved("viola", "stream_processor")
    assert moved.own["viola"] == "stream_processor"
    assert "viola" not in moved.reads["cache_manager"]
    added = documented().toggled("harp", "stream_processor")
    assert added.connections == 41
    assert added.toggled("harp", "stream_processor").reads == documented().reads
    assert Wiring.model_validate_json(added.model_dump_json()) == added


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"reads": {**documented().reads, "cache_manager": []}}, "reads no role"),
        ({"reads": {**documented().reads, "cache_manager": ["viola", "viola"]}}, "reads a role twice"),
        ({"reads": {**documented().reads, "cache_manager": ["drum"]}}, "does not exist"),
        ({"own": {**documented().own, "harp": "kitchen"}}, "does not exist"),
        ({"own": {role: p for role, p in documented().own.items() if role != "harp"}}, "harp is not wired"),
        ({"reads": {**documented().reads, "kitchen": ["harp"]}}, "no processor called kitchen"),
    ],
)
def test_a_wiring_that_cannot_work_is_refused_with_the_reason(change, why):
    with pytest.raises(UserError, match=why):
        documented().model_copy(update=change).check()


def test_a_config_takes_a_name_or_a_wiring_of_ones_own():
    own = documented().toggled("harp", "stream_processor")
    config = validated(ReverberationConfig, {"network": {"wiring": own.model_dump()}})
    assert mesh_of(config.network.wiring) == own
    for wrong in ("cubic", {"own": {}, "reads": {}}, {"edges": 3}):
        with pytest.raises(UserError):
            validated(ReverberationConfig, {"network": {"wiring": wrong}})
