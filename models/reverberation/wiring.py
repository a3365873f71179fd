"""Who talks to whom, as data: it can be looked at, edited, saved and refused. No torch: the window reads this."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models import documents
from models.datafiles import write_whole
from models.errors import UserError
from models.remarks import Remark


class Module(NamedTuple):
    """A role or a processor for people: its name in the wiring, in Chinese, and what its body computes (d → d)."""

    name: str
    chinese: str
    body: str


ROLES = (
    Module("eileen", "艾琳", "Conv1d k3 → GELU → self-attention, 4 heads → Linear"),
    Module("pluto", "普鲁托", "Linear d→4d, GELU, Dropout, 4d→2d, GELU, 2d→d"),
    Module("organ", "管风琴", "4 parallel (Linear, GELU), concatenated, Linear 4d→d"),
    Module("harp", "竖琴", "LSTM"),
    Module("wolfhour", "狼之时刻", "bidirectional GRU, the two directions added"),
    Module("viola", "中提琴", "Linear, tanh, Linear, LayerNorm"),
    Module("philip", "菲利普", "Linear d→d/2, ReLU, d/2→d, Dropout, Linear"),
    Module("cello", "大提琴", "Linear d→2d, LeakyReLU, 2d→d, BatchNorm"),
    Module("circusmaster", "奥斯瓦尔德", "sigmoid(Linear(x))·x → self-attention, 2 heads → Linear"),
    Module("bremen", "不莱梅乐队", "3 parallel Linear, concatenated, 3d→2d, GELU, 2d→d"),
    Module("zaixian", "在宪", "Linear, sigmoid, d→2d, GELU, 2d→d"),
    Module("elena", "伊莲娜", "Linear d→3d, GELU, 3d→2d, GELU, 2d→d, LayerNorm"),
    Module("greta", "格蕾塔", "Linear(GELU(Conv1d k5)) · sigmoid(Linear(x))"),
    Module("clarinet", "单簧管", "Linear, Softplus, d→d/2, ELU, d/2→d"),
    Module("horn", "圆号", "Linear d→4d, SiLU, 4d→2d, SiLU, 2d→d"),
    Module("tuba", "大号", "Linear, LeakyReLU, d→2d, LeakyReLU, 2d→d, LayerNorm"),
    Module("trombone", "长号", "Linear(GELU(Conv1d k7)) · sigmoid(Linear d→1)"),
    Module("violin1", "第一小提琴", "GELU(Linear(self-attention, 8 heads)) · sigmoid(Linear(x))"),
    Module("violin2", "第二小提琴", "Linear d→2d, GELU, 2d→d, Dropout, Linear, LayerNorm"),
)
PROCESSORS = (
    Module(
        "data_aggregator",
        "数据聚合器",
        "self-attention over all tokens, 4 heads → mean → LayerNorm → selector",
    ),
    Module(
        "stream_processor", "流处理器", "Conv1d k3, ReLU, Conv1d k5, ReLU → mean → d→2d, ReLU, 2d→d, tanh"
    ),
    Module("message_router", "消息路由器", "bidirectional LSTM → mean → Linear, softmax, Linear"),
    Module(
        "bandwidth_manager", "带宽管理器", "self-attention, 8 heads → mean → d→2d, LeakyReLU, 2d→d, Dropout"
    ),
    Module("protocol_converter", "协议转换器", "mean → Linear, Softplus, Linear → · sigmoid(c)"),
    Module("cache_manager", "缓存管理器", "mean → d→2d, ELU, 2d→d → · M, which starts near 0.1 I"),
    Module("sync_coordinator", "同步协调器", "mean → SiLU(Linear) → · M → SiLU(Linear)"),
)
UNIFORM = "self-attention, 4 heads → mean → Linear without bias"
CONDUCTOR = Module(
    "argallia", "阿嘉莉亚指挥层", "self-attention, 8 heads, over every source → mean → d→d/2 → 1"
)
ROLE_NAMES = tuple(role.name for role in ROLES)
PROCESSOR_NAMES = tuple(processor.name for processor in PROCESSORS)


class Wiring(BaseModel):
    """The edges of the mesh.

    own: the processor a role belongs to. In ``routing`` its gate scales what goes there and what comes back.
    reads: the roles that a processor reads and feeds, with a distributor each.
    hear: whom a role hears in the second pass: ``all`` that feed it, or its ``own`` processor, where that feeds it.
    conductor: what the conductor reads of a processor: the ``mean`` of its outputs, or ``each`` of them.
    noisy: whether latents are drawn in evaluation, too, as first published.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "own"
    own: dict[str, str]
    reads: dict[str, list[str]]
    hear: Literal["all", "own"] = "all"
    conductor: Literal["mean", "each"] = "mean"
    noisy: bool = Field(default=False)

    @property
    def edges(self) -> list[tuple[str, str]]:
        """(processor, role) of every distributor, in the order of the processors."""
        return [(processor, role) for processor in PROCESSOR_NAMES for role in self.reads[processor]]

    @property
    def directed(self) -> list[tuple[str, str]]:
        """(from, to) of every connection that carries something: roles' messages, then processors' feedback."""
        messages = [(role, processor) for processor, role in self.edges]
        return messages + [
            (processor, role) for processor, role in self.edges if self.feeds_back(processor, role)
        ]

    @property
    def connections(self) -> int:
        """Role → processor and processor → role."""
        return len(self.own) + len(self.edges)

    @property
    def sources(self) -> int:
        """What the conductor attends over: every role, and what it reads of the processors."""
        return len(ROLES) + (len(PROCESSORS) if self.conductor == "mean" else len(self.edges))

    def feeds_back(self, processor: str, role: str) -> bool:
        """Whether the role takes the processor's feedback in the second pass."""
        return role in self.reads[processor] and (self.hear == "all" or self.own[role] == processor)

    def check(self) -> Wiring:
        """Itself, if it can work. Raises UserError with the reason, if not."""
        _complete(self.own, ROLE_NAMES, Remark("role"))
        _complete(self.reads, PROCESSOR_NAMES, Remark("processor"))
        for role, processor in self.own.items():
            if processor not in PROCESSOR_NAMES:
                raise _refused(
                    "{role} belongs to {processor}, which does not exist.", role=role, processor=processor
                )
        for processor, roles in self.reads.items():
            if not roles:
                raise _refused(
                    "{processor} reads no role, so it has nothing to process.", processor=processor
                )
            for role in roles:
                if role not in ROLE_NAMES:
                    raise _refused(
                        "{processor} reads {role}, which does not exist.", role=role, processor=processor
                    )
            if len(set(roles)) < len(roles):
                raise _refused("{processor} reads a role twice.", processor=processor)
        return self

    def moved(self, role: str, processor: str) -> Wiring:
        """The same wiring with the role belonging to, and read by, another processor."""
        reads = {
            name: [item for item in roles if item != role or name != self.own[role]]
            for name, roles in self.reads.items()
        }
        if role not in reads[processor]:
            reads[processor] = [*reads[processor], role]
        return self.model_copy(
            update={"own": {**self.own, role: processor}, "reads": reads, "name": "own"}
        ).check()

    def toggled(self, role: str, processor: str) -> Wiring:
        """The same wiring with the role read by the processor, or not any more."""
        roles = self.reads[processor]
        new = [item for item in roles if item != role] if role in roles else [*roles, role]
        return self.model_copy(update={"reads": {**self.reads, processor: new}, "name": "own"}).check()


def documented() -> Wiring:
    """As the network is described: a role belongs to one processor; Philip and Elena hear two."""
    reads = {
        "data_aggregator": ["eileen", "cello", "horn"],
        "stream_processor": ["pluto", "circusmaster", "tuba"],
        "message_router": ["organ", "bremen", "trombone"],
        "bandwidth_manager": ["harp", "zaixian", "violin1"],
        "protocol_converter": ["wolfhour", "elena", "violin2"],
        "cache_manager": ["viola", "greta", "philip"],
        "sync_coordinator": ["philip", "clarinet", "elena"],
    }
    own = {role: processor for processor, roles in reads.items() for role in roles}
    own |= {"philip": "sync_coordinator", "elena": "protocol_converter"}
    return Wiring(name="documented", own={role: own[role] for role in ROLE_NAMES}, reads=reads)


def cyclic() -> Wiring:
    """As the first public implementation wires it: by the numbers of roles and processors."""
    own = {role: PROCESSOR_NAMES[i % len(PROCESSORS)] for i, role in enumerate(ROLE_NAMES)}
    reads = {
        processor: [ROLE_NAMES[(3 * i + k) % len(ROLES)] for k in range(3)]
        for i, processor in enumerate(PROCESSOR_NAMES)
    }
    return Wiring(name="cyclic", own=own, reads=reads, hear="own", conductor="each", noisy=True)


WIRINGS = {"documented": documented, "cyclic": cyclic}
SUFFIX = ".wiring.json"


def save_wiring(wiring: Wiring, path: Path) -> None:
    """Write it as JSON. Raises UserError where that cannot be done."""
    write_whole(path, json.dumps(wiring.model_dump(), indent=2).encode())


def open_wiring(path: Path) -> Wiring:
    """What `save_wiring` wrote. Raises UserError where it is no wiring, or one that cannot work."""
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            "{name} cannot be read.",
            "It is no JSON file of a wiring.",
            "Choose a file that was saved here.",
            name=path.name,
        ) from error
    return wiring_of(values)


def wiring_of(values: object) -> Wiring:
    """The wiring of plain values, as they stand in a config or a file. Raises UserError."""
    try:
        return Wiring.model_validate(values).check()
    except ValidationError as error:
        raise UserError(
            "This is not a wiring.",
            "{reason}.",
            "It needs own (a processor a role) and reads (a list of roles a processor).",
            reason=documents.reason_of(error),
        ) from error


def _complete(
    given: dict[str, object] | dict[str, str] | dict[str, list[str]], names: tuple[str, ...], kind: Remark
) -> None:
    lacking = [name for name in names if name not in given]
    unknown = [name for name in given if name not in names]
    if lacking:
        raise _refused("The {kind} {name} is not wired.", kind=kind, name=lacking[0])
    if unknown:
        raise _refused("There is no {kind} called {name}.", kind=kind, name=unknown[0])


def _refused(why: str, **values: object) -> UserError:
    return UserError(
        "This wiring cannot work.",
        why,
        "Undo the last change, or start from the documented wiring.",
        **values,
    )
