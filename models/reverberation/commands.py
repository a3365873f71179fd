"""What ``python -m models VERB reverberation`` does and prints."""

from __future__ import annotations

from pathlib import Path

from models import given
from models.contract import Paths, Result
from models.errors import UserError
from models.loading import Choice, network_config, read_info, write_state_dict
from models.progress import Progress
from models.remarks import with_remarks
from models.reverberation import data, drawing, published
from models.reverberation.evaluation import evaluate_with
from models.reverberation.network import NetworkConfig, ReverberationNet, parameter_counts
from models.reverberation.observer import Observer
from models.reverberation.options import USUAL, ObservationOptions
from models.reverberation.tables import write_observation
from models.reverberation.wiring import ROLE_NAMES, ROLES
from models.settings import NO_OPTIONS, Options
from models.tables import write_json


def use(
    choice: Choice,
    inputs: Paths,
    out: str | Path,
    options: ObservationOptions = USUAL,
    device: str = "auto",
    progress: Progress | None = None,
) -> Result:
    """Observe the sequences of one file and write NPZ: ``output`` [n], ``gates`` [38, n], ``kl`` [45, n]."""
    if len(inputs) != 1:
        raise UserError("One file of sequences is observed at a time.", "", "Name one file.")
    unknown = [name for name in options.muted if name not in ROLE_NAMES]
    if unknown:
        raise UserError(
            "There is no role called {name}.",
            "",
            "Roles are: {known}.",
            name=unknown[0],
            known=", ".join(ROLE_NAMES),
        )
    given.check_result_file(out)
    observer = Observer.load(choice, device, progress)
    sequences = data.open_sequences(inputs[0])
    observation = observer.observe(sequences, progress, options.muted)
    write_observation(Path(out), observation)
    print(f"{len(sequences)} sequences, gates {observer.gating}: {out}")
    result = {"out": str(out), "sequences": len(sequences), "gating": observer.gating}
    return with_remarks(result, (*observer.remarks, *sequences.remarks))


def evaluate(
    choice: Choice,
    data: str | Path,
    out: str | Path | None = None,
    options: Options = NO_OPTIONS,
    device: str = "auto",
    progress: Progress | None = None,
) -> Result:
    """The metrics of a model on sequences with targets, a baseline beside it; with `out`, also as ``figures.json``."""
    observer = Observer.load(choice, device, progress)
    overlap, outcome = evaluate_with(observer, data, progress)
    count = len(overlap.items)
    print(f"{count} sequences")
    for name, metrics in outcome.items():
        print(f"{name:22} " + "  ".join(f"{key} {value:.4f}" for key, value in metrics.items()))
    result = {"sequences": count, **outcome, "learned": overlap.as_dict()}
    if out is not None:
        write_json(Path(out) / "figures.json", result)
    return with_remarks(result, (*observer.remarks, *overlap.remarks))


def export(choice: Choice, out: Path) -> Result:
    """Write the weights under the names of the first public implementation (``.pth`` or ``.safetensors``).

    Raises UserError for networks that it cannot hold: uniform processors, or inputs of another width.
    """
    network = Observer.load(choice, "cpu").network
    if network.config.processors != "described" or network.projection is not None:
        raise UserError(
            "The first public implementation cannot hold this network.",
            "It knows neither uniform processors nor a projection of its input.",
            "Keep it in Polyphony's own format.",
        )
    weights = published.exported(network)
    write_state_dict(out, weights)
    print(f"{len(weights)} tensors: {out}")
    return {"file": str(out), "tensors": len(weights)}


def describe(choice: Choice | None = None, out: str | Path | None = None) -> Result:
    """The tree with its parameters and connections; with `out`, architecture and data flow are drawn there."""
    config = NetworkConfig()
    if choice is not None:
        info = read_info(choice, "reverberation")
        values = {name: value for name, value in info.network.items() if name != "kind"}
        config = network_config(NetworkConfig, values, info.title)
    network = ReverberationNet(config)
    counts = parameter_counts(network)
    print(drawing.tree(network, counts), end="")
    result: Result = {
        "parameters": sum(counts.values()),
        "layers": counts,
        "connections": network.wiring.connections,
        "gates": 2 * len(ROLES),
        "files": [],
    }
    if out is not None:
        result["files"] = [str(item) for item in drawing.describe(network, counts, Path(out))]
    return result
