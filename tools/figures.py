"""The published figures of the models that ship, each from one command: ``python -m tools.figures [SYSTEM …]``.

A system's figures are measured into ``docs/figures/SYSTEM.json``, with the command, when and on what they were made, and how
long that took; the README's rows and the tables of ``docs`` are written from these files, and a test compares files, tables
and cards. ReverberationNet, EEG and search are judged on what ships, search also on a set made in the shape of the literature's, in some
minutes on a laptop. Three need data that does not ship, and keep their file where it is not named: ``--voices LIBRISPEECH COMMONVOICE`` for separation (half an hour),
``--emodb EMODB`` for emotion (each of eight speakers is left out once with each of three seeds: two minutes), ``--dtu DTU`` for
EEG's learning curve (minutes). ``--equal`` sets EEG's two decoders against one another on equal terms, on the sample (minutes) or on the data that
is named; ``--folds`` leaves several people out together, ``--runs`` keeps the trainings, so that what was interrupted goes on. ``--table`` writes the tables anew and measures nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models import systems
from models.checkpoint import versions
from models.datafiles import write_whole
from models.documents import read_json
from models.eeg.config import EEGConfig
from models.eeg.crossvalidation import learning_curve
from models.loading import BUNDLED, bundled_names, read_info
from models.separation.separator import Separator
from models.tables import write_json
from models.training import config as configs
from tools import evaluate_emotion, figures_eeg, figures_search, figures_separation

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "figures"
CHECKPOINTS = ROOT / "resources" / "checkpoints"
UNMET = ("2", "3", "8")  # subjects of the sample, from whom the decoders that ship learned nothing
Figures = dict[str, Any]  # as JSON has them
SHIPPED_EEG = {"mean of both": "bundled", "ridge": "bundled-ridge", "Conformer v2": "bundled-conformer"}
CURVE_MINUTES = (5, 10, 20, 0)  # 0: all


def judged(system: str, choice: str, data: str = "sample") -> Figures:
    """What `evaluate` says of a model that ships, without what is listed item by item."""
    evaluate = systems.system(system).capabilities.evaluate
    options = systems.system(system).evaluate_options()
    with contextlib.redirect_stdout(io.StringIO()):
        return evaluate(choice, data, None, options, "cpu")


def reverberation() -> Figures:
    """The figures of the bundled ReverberationNet."""
    judgement = judged("reverberation", "bundled")
    return {name: judgement[name] for name in ("sequences", "mesh", "ridge on time means", "learned")}


def eeg(options: argparse.Namespace) -> Figures:
    """The decoders on the sample; of the whole data set also the linear decoder's learning curve, r on the held-out time of
    subjects never met by minutes of training; both decoders on equal terms, by the data's name. Where data are not named, what was
    measured of them is kept, with its own date."""
    names = ("r", "within", "held_out", "chance", "generalisation")
    result: Figures = {
        choice: {name: judged_eeg[name] for name in names}
        for choice in bundled_names("eeg")
        for judged_eeg in [judged("eeg", choice)]
    }
    result["live"] = figures_eeg.live(BUNDLED, UNMET)
    before = read_json(FOLDER / "eeg.json")["figures"]
    result["curve"] = eeg_curve(options.dtu) if options.dtu else before["curve"]
    result["equal"] = before["equal"]
    if options.equal:
        equal = figures_eeg.measured(options.equal, "cpu", options.folds, options.runs)
        result["equal"] |= {equal["data"]: equal}
    return result


def eeg_curve(dtu: str) -> Figures:
    """Trained as the decoder that ships was, on the first minutes and on all."""
    values = configs.preset("eeg", "bundled")
    values["data"] = values["data"] | {"path": dtu, "test_subjects": list(UNMET)}
    config = configs.validated(EEGConfig, values)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        points = learning_curve(config, CURVE_MINUTES, Path(folder), "cpu")["points"]
    return {
        "made": time.strftime("%Y-%m-%d"),
        "seconds": round(time.monotonic() - started),
        "points": [{"minutes": row["minutes"], "held_out": row["held_out"]} for row in points],
    }


def search() -> Figures:
    """MAP@50 of words to pictures by bits, of the emoji that no hash model learned from."""
    return {
        str(read_info(choice, "search").network["bits"]): figures_search.of_dict(judged("search", choice))
        for choice in bundled_names("search")
    }


JUDGED: dict[str, Callable[[], Figures]] = {
    "reverberation": reverberation,
    "search": search,
}
SYSTEMS = ("emotion", "separation", "reverberation", "eeg", "search")


def kept(system: str) -> Figures:
    """The figures of a system as they were measured last."""
    values: Figures = read_json(FOLDER / f"{system}.json")
    figures: Figures = values.get("figures", values)
    return figures


def rows() -> dict[str, str]:
    """The README's row of each system whose figures are kept, by how it begins."""
    result = {name: kept(name) for name in ("eeg", *JUDGED)}
    voices = kept("separation")
    readers, looked = voices["sets"]["LibriSpeech"], voices["this voice"].values()
    right, looked_for = (sum(item[part] for item in looked) for part in ("right", "mixtures"))
    mesh, ridge = result["reverberation"]["mesh"], result["reverberation"]["ridge on time means"]
    decoders, codes = result["eeg"], result["search"]["64"]
    return {
        "| emotion | ": evaluate_emotion.row(kept("emotion")),
        "| separation | ": (
            f"| separation | Conv-TasNet, 8 kHz, {voices['parameters'] / 1e6:.1f} million parameters | SI-SDR improved by {readers['mean']:.1f} dB on"
            f" {readers['mixtures']} mixtures ({readers['mixed sex']:.1f} woman and man, {readers['same sex']:.1f} one sex),"
            f" heard twice; heard once {readers['heard once']:.1f} dB; five seconds of a voice find its track in"
            f" {right} of {looked_for} | the mixture itself 0 dB; by chance {looked_for // 2} |"
        ),
        "| ReverberationNet | routing": (
            f"| ReverberationNet | routing mesh, 1.1 million parameters | RMSE {mesh['rmse']:.2f} dB, r² {mesh['r2']:.2f},"
            f" on {result['reverberation']['sequences']} sequences of two people who took no step of training |"
            f" ridge {ridge['rmse']:.2f} dB, r² {ridge['r2']:.2f} |"
        ),
        "| EEG | mean of": (
            f"| EEG | mean of a ridge and a Conformer | r {decoders['bundled']['r']:.3f} (ridge {decoders['bundled-ridge']['r']:.3f},"
            f" Conformer {decoders['bundled-conformer']['r']:.3f}) on three people never met, unseen time of the same stimulus |"
            f" envelopes with scrambled phases {decoders['bundled']['chance']:.3f} |".replace("-", "−")
        ),
        "| search | small": (
            f"| search | small CLIP and 64-bit codes for emoji | MAP@50 {codes['map']:.3f} ({codes['worst']:.3f} to"
            f" {codes['best']:.3f} by ties) on {codes['queries']} pictures never met | chance {codes['chance']:.3f},"
            f" real-valued {codes['real']:.3f} |"
        ),
    }


def curve_table() -> str:
    """EEG's learning curve as Markdown."""
    lines = ["| minutes of training | ridge, r |", "|---|---|"]
    for point in kept("eeg")["curve"]["points"]:
        lines.append(
            f"| {format(point['minutes'], 'g') if point['minutes'] else 'all'} | {point['held_out']:.3f} |"
        )
    return "\n".join(lines) + "\n"


def shipped_line() -> str:
    """What docs/models.md says of the decoders that ship, on the sample and on the twelve."""
    shipped, twelve = kept("eeg"), kept("eeg")["equal"]["dtu_12_subjects"]
    here = {name: f"{shipped[choice]['held_out']:.3f}" for name, choice in SHIPPED_EEG.items()}
    wider = {name: f"{twelve['decoders'][name]['unseen']['mean']:.3f}" for name in SHIPPED_EEG}
    both, *members = (f"{name} r {here[name]}" for name in SHIPPED_EEG)
    both_wider, *members_wider = (f"{name} {wider[name]}" for name in SHIPPED_EEG)
    return (
        f"On subjects never met: {both}, {', '.join(members)}. The mean is the default by a [wider look](eeg.md), on"
        f" {twelve['subjects']} people, unseen subject and time: {both_wider}, {', '.join(members_wider)}.\n"
    )


def curve_line() -> str:
    """The same in a sentence, for the cards of the decoders."""
    points = kept("eeg")["curve"]["points"]
    words = ", ".join(
        f"{point['minutes']:g} min {point['held_out']:.3f}"
        if point["minutes"]
        else f"all of it {point['held_out']:.3f}"
        for point in points
    )
    return (
        f"Learning curve, r on held-out time of subjects never met, by minutes of training: linear {words}."
    )


def search_line() -> str:
    """What docs/models.md says of search."""
    codes = kept("search")
    bits = ", ".join(f"{size} {codes[size]['map']:.3f}" for size in ("16", "32", "64", "128"))
    code64 = codes["64"]
    return (
        f"MAP@50 by bits: {bits}; the real-valued ceiling is {code64['real']:.3f}, chance {code64['chance']:.3f}. Encoded together with"
        f" its other half, as published (`paired`), it would be {code64['paired']:.3f}: no search can do that.\n"
    )


def between(text: str, name: str, content: str) -> str:
    """`text` with `content` between the marks of the figures called `name`."""
    begin, end = f"<!-- figures of {name} -->\n", "<!-- end of figures -->"
    before, rest = text.split(begin)
    return f"{before}{begin}{content}{end}{rest.partition(end)[2]}"


def pages() -> dict[Path, str]:
    """README, docs and the card of separation as they are to be, by their files."""
    made = rows()
    readme, models_page = ROOT / "README.md", ROOT / "docs" / "models.md"
    lines = [
        next((row for start, row in made.items() if line.startswith(start)), line)
        for line in readme.read_text("utf-8").split("\n")
    ]
    search_page = (ROOT / "docs" / "search.md").read_text("utf-8")
    search_page = between(search_page, "codes by bits", figures_search.table(kept("search")))
    search_page = between(search_page, "the made set", figures_search.table(kept("search-mirflickr")))
    text = models_page.read_text("utf-8")
    text = between(text, "separation", figures_separation.table(kept("separation")))
    text = between(text, "EEG", curve_table())
    text = between(text, "EEG as it ships", shipped_line())
    eeg_page = ROOT / "docs" / "eeg.md"
    equal = "\n".join(map(figures_eeg.table, kept("eeg")["equal"].values()))
    return {
        readme: between("\n".join(lines), "EEG live", figures_eeg.live_line(kept("eeg")["live"])),
        models_page: between(text, "search", search_line()),
        ROOT / "docs" / "search.md": search_page,
        eeg_page: between(eeg_page.read_text("utf-8"), "EEG on equal terms", equal),
        CHECKPOINTS / "separation" / "checkpoint.json": with_card(
            "separation", figures_separation.with_use(card_of("separation"), kept("separation"))
        ),
        CHECKPOINTS / "search" / "checkpoint.json": with_card(
            "search", figures_search.with_rows(card_of("search"), kept("search"))
        ),
    }


def card_of(system: str) -> str:
    """The card of the model that ships."""
    return read_info(BUNDLED, system).card


def with_card(system: str, card: str) -> str:
    """The description of the checkpoint that ships, with another card."""
    description = (CHECKPOINTS / system / "checkpoint.json").read_text("utf-8")
    was, now = (json.dumps(words, ensure_ascii=False) for words in (card_of(system), card))
    assert was in description
    return description.replace(was, now)


def about(system: str, command: str, seconds: float) -> Figures:
    """How a system's figures were made: by which command, when, on what, and how long it took."""
    return {
        "command": command,
        "made": time.strftime("%Y-%m-%d"),
        "machine": platform.processor() or platform.machine(),
        "versions": versions(),
        "seconds": round(seconds),
    }


def make(system: str, options: argparse.Namespace) -> None:
    """Measure a system's figures and keep them; those whose data is not named stay, and it is said of when they are."""
    started, command = time.monotonic(), f"python -m tools.figures {system}"
    if system == "separation" and options.voices:
        command += " --voices LIBRISPEECH COMMONVOICE"
        figures = figures_separation.measured(Separator.load(BUNDLED), *options.voices)
    elif system == "emotion" and options.emodb:
        evaluate_emotion.measure(str(options.emodb), ROOT / "build" / "emotion-figures", [1, 2, 3])
        values = read_json(FOLDER / "emotion.json")
        seconds = time.monotonic() - started
        write_json(FOLDER / "emotion.json", about(system, f"{command} --emodb EMODB", seconds) | values)
        return
    elif system == "eeg":
        command += (" --dtu DTU" if options.dtu else "") + (" --equal DATA" if options.equal else "")
        figures = eeg(options)
    elif system in JUDGED:
        figures = JUDGED[system]()
    else:
        values = read_json(FOLDER / f"{system}.json")
        print(f"{system}: kept, made {values['made']} by {values['command']}")
        return
    write_json(
        FOLDER / f"{system}.json", about(system, command, time.monotonic() - started) | {"figures": figures}
    )
    print(kept(system))
    if system == "search":
        make_protocol(command)


def make_protocol(command: str) -> None:
    """The literature's protocol of hashing, on the set that is made for it: minutes."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        figures = figures_search.protocol(Path(folder))
    values = about("search", command, time.monotonic() - started) | {"figures": figures}
    write_json(FOLDER / "search-mirflickr.json", values)
    print(figures)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("systems", nargs="*", default=list(SYSTEMS), metavar="SYSTEM")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--voices", nargs=2, type=Path, metavar=("LIBRISPEECH", "COMMONVOICE"))
    parser.add_argument("--emodb", type=Path)
    parser.add_argument("--dtu")
    parser.add_argument("--equal", nargs="?", const="sample", metavar="DATA")
    parser.add_argument("--folds", type=int, default=0)
    parser.add_argument("--runs", type=Path)
    options = parser.parse_args()
    for name in [] if options.table else options.systems:
        make(name, options)
    for page, text in pages().items():
        write_whole(page, text)
    panels = {"emoji never met": kept("search"), "made set": kept("search-mirflickr")}
    figures_search.draw(panels, ROOT / "docs" / "search-bits.svg")


if __name__ == "__main__":
    main()
