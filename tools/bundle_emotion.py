"""Put a trained checkpoint and its cross-validation into ``resources/checkpoints/emotion``, with a card that says so.

python -m models crossval emotion --preset bundled --data EMODB --set seed=1 --run CV1       (and other seeds)
python -m models train emotion --preset bundled --set data.path=EMODB data.test_speakers="['10','13']" --run RUN
python tools/bundle_emotion.py RUN/best CV1 [CV2 …]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from models import checkpoint
from models.resources import resource

CARD = """\
# Log-mel, 6 speakers

Tells angry, happy, neutral and sad apart in **acted German** speech. It learned from {count} utterances of six speakers
(03, 08, 09, 11, 12, 14) of the Berlin Database of Emotional Speech (Burkhardt et al., Interspeech 2005; CC BY 4.0).
Speakers 10 and 13 took no part and are the sample.

**On unheard speakers** (leave one speaker out of all eight, {total} utterances, the recipe of the preset *bundled*): unweighted
average recall **{mean:.3f}** (mean of {seeds} seeds: {each}), worst speaker {worst:.3f}. Chance is 0.25. Every fold learned from the
other seven speakers for a fixed number of epochs; nothing was chosen by looking at the test speaker within a fold. The recipe
itself was settled on these same eight speakers, after about twenty trials, so expect a little less on others.

**What it is not**: acted emotions are stronger than those of daily life; other languages, noise, distance and telephones were
not tried. It says what a voice sounds like, not what a person feels. Its probabilities are cautious: it is right more often than they say.

Network: a bidirectional GRU with attention and a head on whole-utterance statistics, averaged; {parameters:,} parameters; loudness is
normalised away, so the level of a microphone does not matter.
"""


def main() -> None:
    weights, info = checkpoint.load(sys.argv[1], "emotion")
    found = [json.loads((Path(folder) / "crossval.json").read_text("utf-8")) for folder in sys.argv[2:]]
    means = [one["uar_mean"] for one in found]
    worst = min(one["uar_worst"] for one in found)
    parameters = sum(tensor.numel() for tensor in weights.values())
    total = found[0]["all_items"]["n"]
    info.title = "log-mel, 6 speakers"
    info.card = CARD.format(
        count=info.card.split("Trained on ")[1].split()[0],
        total=total,
        mean=float(np.mean(means)),
        seeds=len(means),
        each=", ".join(f"{mean:.3f}" for mean in means),
        worst=worst,
        parameters=parameters,
    )
    info.metrics = {
        "crossval/uar_mean": round(float(np.mean(means)), 4),
        "crossval/uar_worst": round(worst, 4),
    }
    extra = {"summary": f"Acted German speech; {np.mean(means):.3f} recall on unheard speakers."}
    checkpoint.save(resource("checkpoints", "emotion"), weights, info.model_copy(update=extra))
    print(info.card)


if __name__ == "__main__":
    main()
