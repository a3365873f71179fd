"""Trains the line task in a process of its own, which tests may kill. Usage: run_line.py RUN_FOLDER"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from line_task import LineConfig, LineTask

from models.training.config import validated
from models.training.run_folder import RunFolder
from models.training.trainer import Trainer

run = RunFolder.open(Path(sys.argv[1]))
Trainer(LineTask(validated(LineConfig, run.config())), run).train()
