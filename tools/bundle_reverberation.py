"""Make what ships with ReverberationNet: the sample of speech sequences, the trained mesh, its baselines and its card.

    python tools/bundle_reverberation.py sample CORPUS     # CORPUS: a folder with metadata.csv (path, speaker) and sound
    python tools/bundle_reverberation.py train RUNS        # trains mesh and GRU into RUNS, judges them, writes the card

The sample: log-mel frames (64 bands, 25 ms apart) of windows of 0.8 s, with the window's mean taken out, so that its
level cannot be read off; the target is that level in dB. What is left to tell it by is vocal effort, as it shows in the
spectrum's tilt and harmonics: loudness as a person means it. Speakers are groups: none is on both sides.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

QUIET_DB = 35.0  # windows so far below their clip's loudest are pauses


def make_sample(corpus: Path) -> None:
    """Write the sequences that ship: windows of log-mel frames of a corpus, and how loud each was."""
    from models import audio
    from models.datafiles import read_table, write_whole
    from models.emotion.frames import speech_windows
    from models.reverberation.data import sample

    x, y, groups = [], [], []
    for row in read_table(corpus / "metadata.csv", ("path", "speaker")).rows:
        windows, levels = speech_windows(audio.read(corpus / row["path"]), row["path"])
        loud = levels > levels.max() - QUIET_DB
        x.append(windows[loud])
        y.append(levels[loud])
        groups += [row["speaker"]] * int(loud.sum())
    step = 0.05
    whole = np.clip(np.round(np.concatenate(x) / step), -127, 127).astype(np.int8)
    contents = io.BytesIO()
    np.savez_compressed(
        contents,
        x=whole,
        x_scale=np.float32(step),
        y=np.concatenate(y),
        group=np.array(groups),
        target_title=np.array("level (dB)"),
    )
    sample().parent.mkdir(parents=True, exist_ok=True)
    write_whole(sample(), contents.getvalue())
    print(
        f"{len(whole)} windows of {len(set(groups))} speakers, {len(contents.getvalue()) / 1e6:.1f} MB: {sample()}"
    )


def train(runs: Path, seeds: list[int]) -> None:
    """Train the models that ship and their baselines, and bundle the best of them with its card."""
    from models import checkpoint
    from models.resources import resource
    from models.reverberation import baselines, data
    from models.reverberation.config import ReverberationConfig
    from models.reverberation.sequences import split
    from models.reverberation.task import ReverberationTask, regression
    from models.training.config import preset, validated
    from models.training.run_folder import RunFolder, RunState, RunStory
    from models.training.trainer import Trainer

    rows: dict[str, list[dict[str, float]]] = {
        "mesh, routing": [],
        "GRU, as many parameters": [],
        "ridge on time means": [],
    }
    sequences = data.open_sequences("sample")
    for seed in seeds:
        for title, name in (("mesh, routing", "bundled"), ("GRU, as many parameters", "baseline-gru")):
            values = preset("reverberation", name) | {"seed": seed}
            config = validated(ReverberationConfig, values)
            run = RunFolder(runs / f"{name}-{seed}")
            if not run.config_file.exists():
                RunFolder.create(run.path, "reverberation", config.model_dump(mode="json"))
            story = RunStory(run)
            story.read()
            if story.state is not RunState.DONE:  # a run that was stopped goes on
                print(Trainer(ReverberationTask(config), run, "cpu").train())
            rows[title].append(checkpoint.read_info(run.best, "reverberation").metrics)
        share = preset("reverberation", "bundled")["data"]["validation_share"]
        learned, held = split(sequences, share, seed)
        part = sequences.part(held)
        assert part.y is not None
        result = regression(baselines.ridge(sequences.part(learned), part), part.y)
        rows["ridge on time means"].append({f"validation/{key}": value for key, value in result.items()})
    first = RunFolder(runs / f"bundled-{seeds[0]}").best
    weights, info = checkpoint.load(first, "reverberation")
    learned, held = split(sequences, share, seeds[0])
    info.title = "speech level, routing"
    info.card = card(rows, sequences, learned, held, seeds)
    checkpoint.save(resource("checkpoints", "reverberation"), weights, info)
    print(info.card)
    ship_history(first.parent)
    (runs / "table.json").write_text(json.dumps(rows, indent=2))


def ship_history(run: Path) -> None:
    """The epochs of the run whose model ships, to be played without training anything."""
    from models.resources import resource

    place = resource("samples", "reverberation", "run")
    place.mkdir(parents=True, exist_ok=True)
    wanted = ('"kind":"started"', '"kind":"epoch"', '"kind":"finished"')
    lines = (run / "events.jsonl").read_text("utf-8").splitlines()
    kept = [json.loads(line) for line in lines if any(kind in line[:64] for kind in wanted)]
    for line in kept:
        line.pop("host", None)
    (place / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in kept), "utf-8")
    shutil.copy(run / "config.yaml", place / "config.yaml")


def card(rows, sequences, learned, held, seeds) -> str:  # type: ignore[no-untyped-def]
    """The model card as Markdown: what the seeds came to beside the baselines."""
    names = ", ".join(sorted({sequences.groups[i] for i in held}))
    lines = [
        "Tells how loud a person speaks, in dB, from 0.8 s of log-mel frames whose level was taken out: from the spectrum's",
        "shape alone. Gates are routing: they scale what passes.",
        "",
        f"Trained on {len(learned)} windows of the Berlin emotional speech excerpt that ships; judged on {len(held)} windows of",
        f"speakers {names}, who took no part. Acted German in a quiet room; other rooms and microphones shift the level.",
        "",
        f"On held-out speakers, {len(seeds)} seed{'s, mean ± sd, each with speakers of its own held out' if len(seeds) > 1 else ''}:",
        "",
        "| | RMSE (dB) | r² | r |",
        "|---|---|---|---|",
    ]
    for title, result in rows.items():
        cells = []
        for key in ("rmse", "r2", "r"):
            values = np.array([item[f"validation/{key}"] for item in result])
            spread = f" ± {values.std(ddof=1):.3f}" if len(values) > 1 else ""
            cells.append(f"{values.mean():.3f}{spread}")
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "Best epochs were chosen on the same held-out speakers, which flatters mesh and GRU a little.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["sample", "train"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args()
    if options.what == "sample":
        make_sample(options.folder)
    else:
        train(options.folder, options.seeds)


if __name__ == "__main__":
    main()
