"""Match–mismatch: which of five stretches of speech belongs to five seconds of EEG."""

import numpy as np
import pytest
from scipy.signal import lfilter

from models.eeg.correlation import Decoded
from models.eeg.evaluation import evaluate_with
from models.eeg.matching import CANDIDATES, guessing, match
from models.progress import Progress

RATE = 64


def speech(seconds, seed):
    """Slow noise, as envelopes are: [time]."""
    return lfilter([1], [1, -0.9], np.random.default_rng(seed).normal(size=seconds * RATE)).astype(np.float32)


def heard(noise, subjects=2, seconds=300):
    result = []
    for number in range(subjects):
        envelope = speech(seconds, number)
        decoded = envelope + noise * speech(seconds, 100 + number)
        result.append(Decoded(str(number), "story", decoded, envelope))
    return result


def test_a_good_decoder_finds_the_match_and_noise_guesses():
    good = match(heard(0.5), RATE)
    assert good.windows == 2 * 60
    assert good.accuracy > 0.95
    assert good.low < good.accuracy <= good.high
    assert set(good.by_subject) == {"0", "1"}
    deaf = [
        Decoded(item.subject, item.stimulus, speech(300, 7 + n), item.envelope)
        for n, item in enumerate(heard(0))
    ]
    guessed = match(deaf, RATE)
    assert guessed.chance_low <= guessed.accuracy <= guessed.chance_high
    assert guessed.as_dict()["chance"] == pytest.approx(0.2)
    assert match(heard(0.5), RATE) == good  # drawn with one seed
    middling = match(heard(4.0), RATE)
    assert guessed.accuracy < middling.accuracy < good.accuracy


def test_what_guessing_comes_to_is_what_guessing_does():
    generator = np.random.default_rng(0)
    low, high = guessing(50)
    shares = generator.binomial(50, 1 / CANDIDATES, 4000) / 50
    assert 0.94 < np.mean((shares >= low) & (shares <= high)) < 0.99
    assert guessing(5000)[1] < 0.22


def test_one_window_heard_again_is_no_mismatch():
    """Trials that share a stimulus: candidates are different sounds, not the same one of another trial."""
    envelope = speech(25, 1)
    trials = [Decoded("1", "story", envelope + 0.1 * speech(25, n), 2 * envelope + 1) for n in range(2, 8)]
    matching = match(trials, RATE)
    assert matching.windows == 30
    assert matching.accuracy == 1.0


def test_too_little_is_filled_up_from_other_times_or_said():
    envelope = speech(10, 1)
    short = [Decoded("1", "story", envelope, envelope)]
    assert match(short, RATE) is None
    assert match([Decoded("1", "story", envelope[:100], envelope[:100])], RATE) is None
    matching = match(short, RATE, {"1": [speech(40, 2)]})
    assert matching.windows == 2
    assert matching.accuracy == 1.0
    assert "other times" in str(matching.remarks[0])


@pytest.mark.slow
def test_the_evaluation_has_it():
    from models.eeg.decoder import Decoder
    from models.eeg.tables import subject_rows

    evaluation = evaluate_with(Decoder.load("bundled", "cpu"), "sample", Progress())
    matching = evaluation.matching
    assert matching.windows == 60
    assert matching.accuracy > matching.chance_high  # beyond guessing
    assert evaluation.as_dict()["match_mismatch"]["accuracy"] == matching.accuracy
    rows = subject_rows(evaluation)
    assert rows[0][-1] == "match_mismatch"
    assert rows[1][-1] == pytest.approx(matching.by_subject[rows[1][0]], abs=1e-6)
