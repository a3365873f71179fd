"""The mesh for papers: its architecture as three rings, how data flows through its passes, and a tree in plain text."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.checkpoint import cannot_write
from models.datafiles import write_whole
from models.reverberation.wiring import CONDUCTOR, PROCESSOR_NAMES, PROCESSORS, ROLE_NAMES, ROLES, Wiring

if TYPE_CHECKING:
    from models.reverberation.network import ReverberationNet

# By processor: Okabe and Ito, the yellow dark enough for lines on white.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#9A9000")


def ring_order(wiring: Wiring) -> list[str]:
    """The roles in the order of their processors, so that few edges cross."""
    return sorted(
        ROLE_NAMES, key=lambda role: (PROCESSOR_NAMES.index(wiring.own[role]), ROLE_NAMES.index(role))
    )


def places(wiring: Wiring) -> dict[str, tuple[float, float]]:
    """Where every module stands on the unit disc: roles outside, processors amid their roles, the conductor inside."""
    order = ring_order(wiring)
    angle = {role: 2 * np.pi * i / len(order) - np.pi / 2 for i, role in enumerate(order)}
    result = {role: (float(np.cos(a)), float(np.sin(a))) for role, a in angle.items()}
    middles = []
    for number, processor in enumerate(PROCESSOR_NAMES):
        mine = [angle[role] for role in ROLE_NAMES if wiring.own[role] == processor]
        middle = (
            np.angle(np.mean(np.exp(1j * np.array(mine)))) if mine else 2 * np.pi * number / 7 - np.pi / 2
        )
        middles.append((float(middle) % (2 * np.pi), processor))
    # Evenly around, in the order of their middles, turned to lie as near to them as can be.
    middles.sort()
    steps = 2 * np.pi * np.arange(len(middles)) / len(middles)
    turn = float(np.angle(np.mean(np.exp(1j * (np.array([a for a, _ in middles]) - steps)))))
    for step, (_, processor) in zip(steps, middles, strict=True):
        result[processor] = (0.55 * float(np.cos(step + turn)), 0.55 * float(np.sin(step + turn)))
    result[CONDUCTOR.name] = (0.0, 0.0)
    return result


def describe(network: ReverberationNet, counts: dict[str, int], folder: Path) -> list[Path]:
    """Write all there is to say of a mesh into `folder`: drawings, ``tree.txt`` and ``parameters.csv``. Returns the files.

    Raises UserError where the folder cannot be written.
    """
    from models.reverberation.tables import write_parameters

    try:
        files = draw(network.wiring, counts, folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    words, table = folder / "tree.txt", folder / "parameters.csv"
    write_whole(words, tree(network, counts))
    write_parameters(table, counts)
    return [*files, words, table]


def tree(network: ReverberationNet, counts: dict[str, int]) -> str:
    """The mesh in plain text: modules, what they compute, whom they read, and their parameters (`parameter_counts`)."""
    wiring = network.wiring
    lines = [f"ReverberationNet, wiring {wiring.name}, gates {network.config.gating}, d = {network.config.d}"]
    lines.append(f"roles ({sum(counts[role.name] for role in ROLES):,} parameters)")
    for role in ROLES:
        lines.append(f"  {role.name:14} {counts[role.name]:>9,}  → {wiring.own[role.name]:18}  {role.body}")
    lines.append(f"processors ({sum(counts[item.name] for item in PROCESSORS):,})")
    for item in PROCESSORS:
        lines.append(f"  {item.name:18} {counts[item.name]:>9,}  ↔ {', '.join(wiring.reads[item.name])}")
    lines.append(f"{CONDUCTOR.name} ({counts['argallia']:,}), {wiring.sources} sources")
    if "projection" in counts:
        lines.append(f"projection {network.config.width} → {network.config.d} ({counts['projection']:,})")
    lines.append(
        f"together {sum(counts.values()):,} parameters, {wiring.connections} connections, {2 * len(ROLES)} gates"
    )
    return "\n".join(lines) + "\n"


def draw(
    wiring: Wiring, counts: dict[str, int], folder: Path, suffixes: tuple[str, ...] = ("svg", "png")
) -> list[Path]:
    """Write ``architecture`` and ``data_flow``, each as SVG and PNG at 300 dpi; returns the files."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, size, paint in (
        ("architecture", (7.2, 7.2), _architecture),
        ("data_flow", (12, 4), _data_flow),
    ):
        figure = Figure(figsize=size, layout="constrained")
        paint(figure.subplots(), wiring, counts)
        for suffix in suffixes:
            files.append(folder / f"{name}.{suffix}")
            with rc_context({"svg.fonttype": "none"}):  # words stay words, to be edited
                drawn = io.BytesIO()
                figure.savefig(drawn, format=suffix, dpi=300)
            write_whole(files[-1], drawn.getvalue())
    return files


def _architecture(axes: Any, wiring: Wiring, counts: dict[str, int]) -> None:
    spots = places(wiring)
    for processor, role in wiring.edges:
        color = COLORS[PROCESSOR_NAMES.index(processor)]
        own = wiring.own[role] == processor
        (x0, y0), (x1, y1) = spots[role], spots[processor]
        axes.plot(
            [x0, x1],
            [y0, y1],
            color=color,
            linewidth=1.6 if own else 0.9,
            linestyle="-" if own else "--",
            zorder=1,
        )
    for processor in PROCESSOR_NAMES:
        axes.plot(*zip(spots[processor], (0, 0), strict=True), color="#C8CDD3", linewidth=0.8, zorder=0)
    for name, (x, y) in spots.items():
        kind = 0 if name in ROLE_NAMES else 1 if name in PROCESSOR_NAMES else 2
        owner = wiring.own[name] if kind == 0 else name
        color = "#222222" if kind == 2 else COLORS[PROCESSOR_NAMES.index(owner)]
        axes.scatter([x], [y], s=(260, 420, 700)[kind], color=color, zorder=2, marker="os*"[kind])
        words = f"{name.replace('_', ' ')}\n{counts[name]:,}"
        if kind == 0:
            side = "left" if x > 0.2 else "right" if x < -0.2 else "center"
            above = "center" if abs(y) < 0.9 else "bottom" if y > 0 else "top"
            axes.annotate(words, (1.08 * x, 1.08 * y), ha=side, va=above, fontsize=8.5)
        else:
            axes.annotate(words, (x, y - 0.085), ha="center", va="top", fontsize=8)
    axes.set(xlim=(-1.4, 1.4), ylim=(-1.25, 1.25), aspect="equal")
    axes.set_title(
        f"{wiring.connections} connections, {wiring.sources} sources, {sum(counts.values()):,} parameters",
        fontsize=10,
    )
    axes.axis("off")


def _data_flow(axes: Any, wiring: Wiring, counts: dict[str, int]) -> None:
    roles, processors = (
        sum(counts[name] for name in ROLE_NAMES),
        sum(counts[name] for name in PROCESSOR_NAMES),
    )
    boxes = [
        (0.0, "x\n[batch, time, d]"),
        (2.1, f"19 roles, pass 1\nR1 = role(x)\n{roles:,}"),
        (4.6, f"7 processors\nmean of their roles\n{processors:,}"),
        (7.2, "19 roles, pass 2\nR2 = role(R1, feedback)\nthe same weights"),
        (9.8, f"Argallia\n{wiring.sources} sources\n{counts[CONDUCTOR.name]:,}"),
        (11.6, "y\n[batch]"),
    ]
    frame = {"boxstyle": "round,pad=0.5", "facecolor": "#F5F6F8", "edgecolor": "#6B6B6B"}
    drawn = [
        (x, axes.text(x, 1, words, ha="center", va="center", fontsize=9, bbox=frame)) for x, words in boxes
    ]
    for (x0, start), (x1, end) in pairwise(drawn):  # from frame to frame
        ends = {"patchA": start.get_bbox_patch(), "patchB": end.get_bbox_patch()}
        axes.annotate("", (x1, 1), (x0, 1), arrowprops={"arrowstyle": "->", "color": "#6B6B6B", **ends})
    for begin, end, height, words in (
        (2.1, 7.2, 1.68, "R1, which pass 2 builds on"),
        (4.6, 9.8, 0.32, "processor outputs"),
    ):
        axes.annotate(
            "",
            (end, 1.28 if height > 1 else 0.72),
            (begin, 1.28 if height > 1 else 0.72),
            arrowprops={
                "arrowstyle": "->",
                "color": "#0072B2",
                "connectionstyle": f"arc3,rad={-0.25 if height > 1 else 0.25}",
            },
        )
        axes.text((begin + end) / 2, height, words, ha="center", va="center", fontsize=8, color="#0072B2")
    axes.set(xlim=(-1, 12.4), ylim=(0, 2))
    axes.axis("off")
