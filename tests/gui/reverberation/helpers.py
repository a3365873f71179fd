"""What tests of the ReverberationNet tab do again and again."""

from dataclasses import asdict

import torch

from models import checkpoint
from models.reverberation.network import NetworkConfig, ReverberationNet


def saved_mesh(folder, **values):
    torch.manual_seed(0)
    network = ReverberationNet(NetworkConfig(**values))
    info = checkpoint.CheckpointInfo(
        system="reverberation", title="small", network=asdict(network.config), card="Small.\n"
    )
    checkpoint.save(folder, network.state_dict(), info)
    return folder


def idle(tab):
    return not tab.is_busy and not tab.services.tasks


def observed(tab, qtbot, path):
    tab.accept_paths([path])
    qtbot.waitUntil(lambda: tab.session.observation is not None and idle(tab), timeout=30_000)


def on_line(mesh, line):
    """A place on a line where nothing else is nearer."""
    geometry = mesh._geometry()
    places = [geometry.path(line).pointAtPercent(share / 50) for share in range(10, 45)]
    free = [p for p in places if not mesh.module_at(p) and geometry.line_at(p, mesh.state.lines()) == line]
    return free[0].toPoint()


def said(tab, words):
    return any(words in f"{m.heading} {m.text}" for m in tab.messages.messages)
