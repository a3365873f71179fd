"""Trains the line task in a process of its own, which tests may kill. Usage: run_line.py RUN_FOLDER [TASK]"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from line_task import TASKS, LineConfig

from models.training.config import validated
from models.training.distribution import leave
from models.training.run_folder import RunFolder
from models.training.trainer import Trainer

run = RunFolder.open(Path(sys.argv[1]))
task = TASKS[sys.argv[2] if len(sys.argv) > 2 else "mean"]
Trainer(task(validated(LineConfig, run.config())), run).train()
leave(0)
