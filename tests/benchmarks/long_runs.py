"""Opens the dock on the runs of POLYPHONY_HOME and says how long it takes; the last line is JSON."""

import json
import os
import sys
import time

import numpy as np
from PySide6.QtCore import QEventLoop
from PySide6.QtWidgets import QApplication

from app import i18n, theme
from app.services import Services
from app.training.dock import TrainingDock
from models.training import events

app = QApplication(sys.argv[:1])
i18n.install("en")
theme.use_font(app)
theme.apply(app, "light")
services = Services()

began = time.perf_counter()
dock = TrainingDock(services)
dock.resize(1280, 320)
dock.show_system("emotion")
dock.set_open(True)
dock.show()
app.processEvents()
dock.grab()
listed = time.perf_counter() - began
run = dock.list.current
assert run is not None
assert dock.model.rowCount() == int(sys.argv[1])
longest = 0.0
while "train/loss" not in run.steps or len(run.steps["train/loss"]) < int(sys.argv[2]) or run.behind:
    turn = time.perf_counter()
    app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 30)
    longest = max(longest, time.perf_counter() - turn)
    assert time.perf_counter() - began < 120
curves = dock.curves
curves.figure_box.setCurrentIndex(curves.figure_box.findData("loss"))
curves.axis_box.setCurrentIndex(curves.axis_box.findData("step"))
curves.redraw()
dock.grab()
loaded = time.perf_counter() - began

curves.smoothing.setValue(60)
frames = []
for _ in range(20):
    turn = time.perf_counter()
    curves.redraw()
    curves.plot.grab()
    frames.append(time.perf_counter() - turn)

turn = time.perf_counter()
reader = events.EventReader(run.run.events_file)
while reader.read_new():
    pass
peer = time.perf_counter() - turn
figures = {
    "list_s": listed,
    "curve_s": loaded,
    "longest_s": longest,
    "frame_s": float(np.median(frames)),
    "peer_s": peer,
    "points": len(run.steps["train/loss"]),
}
print(json.dumps(figures), flush=True)
os._exit(0)
