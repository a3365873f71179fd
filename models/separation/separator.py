"""A separation network at work: on sound in memory, and on recordings of any length from disk to disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from models import audio, checkpoint, devices
from models.checkpoint import CheckpointInfo
from models.devices import AUTO, CPU, Device
from models.errors import UserError
from models.loading import (
    BUNDLED,
    UNBUILDABLE,
    Choice,
    check_numbers,
    network_config,
    not_described,
    open_model,
)
from models.progress import Progress
from models.remarks import Remark
from models.separation import network, published
from models.separation.identity import Reordered, VoiceTrail
from models.separation.listening import Listener
from models.separation.mixing import FLOOR, loudness_gain, rms
from models.separation.results import DEFAULTS, Separated, SeparationOptions
from models.separation.tally import Tally
from models.separation.track_files import TrackFiles
from models.separation.windows import WindowJoiner

FloatArray = NDArray[np.float32]
USUAL_AUGMENTATION = 2  # of our own models: twice the time for 0.4 dB


class Separator:
    """Gives one track a speaker.

    >>> tracks = Separator.load("bundled").separate(mixture, 16_000)      # doctest: +SKIP
    """

    def __init__(
        self,
        trained: network.ConvTasNet,
        info: CheckpointInfo,
        device: Device = CPU,
        remarks: Sequence[Remark] = (),
    ) -> None:
        """info: of a checkpoint; its preprocessing names `sample_rate`, and may name `loudness_db` (to which sounds are
        brought; null: they stay as they are), `test_time_augmentation` (how often each stretch is heard where the options do not say) and
        `match_levels` (whether tracks are brought to levels at which they add up to the mixture as nearly as can be)."""
        self.info, self.device, self.remarks = info, device, tuple(remarks)
        self._target = device.torch
        self.network = trained.to(self._target).eval()
        settings = info.preprocessing
        self.sample_rate, self.speakers = int(settings["sample_rate"]), trained.config.speakers
        level = settings.get("loudness_db", published.LOUDNESS_DB)
        self.loudness_db = None if level is None else float(level)
        self.test_time_augmentation = int(settings.get("test_time_augmentation", USUAL_AUGMENTATION))
        self.matches_levels = bool(settings.get("match_levels", True))
        self.parameters = sum(weight.numel() for weight in trained.parameters())
        self.name = info.title or f"{self.speakers} speakers"

    @classmethod
    def load(
        cls, choice: Choice = BUNDLED, device: str = AUTO, progress: Progress | None = None
    ) -> Separator:
        """`choice`: whatever `loading` opens, or a file of torchaudio or Asteroid. Raises UserError, Cancelled."""
        opened = open_model(choice, "separation", published.imported, progress)
        info = opened.info
        config = network_config(network.NetworkConfig, info.network, info.title)
        try:
            trained = network.build(config)
            checkpoint.fit(trained, {name: weight.float() for name, weight in opened.weights.items()})
            return cls(trained, info, devices.resolve(device), opened.remarks)
        except UNBUILDABLE as error:
            raise not_described(info.title, error) from error

    @classmethod
    def of(cls, trained: network.ConvTasNet, sample_rate: int, device: Device = CPU) -> Separator:
        """A network that comes from no checkpoint, at `sample_rate` Hz."""
        preprocessing = {"sample_rate": sample_rate}
        info = CheckpointInfo(
            system="separation", network=asdict(trained.config), preprocessing=preprocessing
        )
        return cls(trained, info, device)

    @property
    def card(self) -> Mapping[str, Any]:
        """For people: ``name``, ``text`` (Markdown), and the metrics that the checkpoint states."""
        return {"name": self.name, "text": self.info.card, **self.info.metrics}

    def separate(
        self,
        wave: FloatArray,
        sample_rate: int,
        options: SeparationOptions = DEFAULTS,
        *,
        one_pass: bool = False,
    ) -> FloatArray:
        """[samples] or [channels, samples] → [speakers, …the same], at the same rate and level.

        What is longer than a window goes through in overlapping windows, unless `one_pass`. How many voices there are is
        found in files alone (`separate_file`): here every track stays as the network gave it.
        """
        sound = np.atleast_2d(np.asarray(wave, dtype=np.float32))
        if not sound.shape[1]:
            return np.zeros((self.speakers, *np.shape(wave)), dtype=np.float32)
        inside = audio.resample(np.ascontiguousarray(sound.T), sample_rate, self.sample_rate).T
        if not inside.shape[1]:  # shorter than a sample of the network's rate
            inside = np.zeros((len(sound), 1), dtype=np.float32)
        if one_pass:
            tracks = self.window(inside, self._times(options))
        else:
            joiner = self.joiner(options)
            tracks = np.concatenate([*joiner.push(inside), *joiner.finish()], axis=-1)
            if options.keep_voices and inside.shape[1] > options.window_s * self.sample_rate:
                tracks = self._in_lanes(tracks)
        frames = sound.shape[1]
        outside = np.zeros((self.speakers, len(sound), frames), dtype=np.float32)
        for speaker, track in enumerate(tracks):
            back = audio.resample(np.ascontiguousarray(track.T), self.sample_rate, sample_rate).T[:, :frames]
            outside[speaker, :, : back.shape[1]] = back
        if options.mixture_consistency:
            outside += (sound - outside.sum(0)) / self.speakers
        return outside[:, 0] if np.ndim(wave) == 1 else outside

    def separate_file(
        self,
        source: Path,
        folder: Path,
        options: SeparationOptions = DEFAULTS,
        *,
        progress: Progress | None = None,
        on_stretch: Callable[[FloatArray], None] | None = None,
    ) -> Separated:
        """Write ``NAME_speaker1.wav`` … into `folder`, streamed from disk to disk.

        on_stretch: gets every stretch that was separated, float32 [speakers, frames, channels] at the recording's rate;
        where voices are put back into their lanes, that comes after it.
        Raises UserError for a recording that cannot be read, a folder that cannot be written, a container that cannot
        hold it; Cancelled leaves nothing behind.
        """
        started, progress = time.monotonic(), progress or Progress()
        source, folder = Path(source), Path(folder)
        about = audio.info(source)
        tally = Tally(self.speakers)
        listener = Listener(self.speakers, about.sample_rate, options)
        with TrackFiles(source, folder, self.speakers, about, options.container) as files:
            for mixture, stretch in self._separated(source, about, options, progress.part(0.0, 0.95)):
                tally.see(mixture, stretch)
                files.write(stretch)
                listener.hear(stretch)
                if on_stretch is not None:
                    on_stretch(stretch)
            if not tally.frames:
                raise UserError(
                    "{name} holds no sound.",
                    "Its length is 0 samples.",
                    "Record or export it again.",
                    name=source.name,
                )
            verdict = listener.verdict()
            if verdict.changes:
                tally.take(verdict, files.anew(verdict.applied(), progress.part(0.95, 1.0)))
            progress.update(1, 1, "Putting voices in their lanes")
            tracks = files.put_in_place()
        remarks = tally.remarks(about.sample_rate, self.sample_rate, options)
        return Separated(
            mixture=source,
            tracks=tracks,
            sample_rate=about.sample_rate,
            channels=about.channels,
            frames=tally.frames,
            model_rate=self.sample_rate,
            levels_db=tally.levels_db,
            remarks=(*self.remarks, *about.remarks, *remarks),
            seconds=time.monotonic() - started,
        )

    def _separated(
        self, source: Path, about: audio.AudioInfo, options: SeparationOptions, progress: Progress
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        """(mixture [frames, channels], tracks [speakers, frames, channels]), stretch by stretch."""
        again = audio.raw_blocks(source)  # a second reading, that keeps step with what is separated
        pending = np.zeros((0, about.channels), dtype=np.float32)
        for stretch in self._streamed(source, about, options, progress):
            while len(pending) < stretch.shape[1]:
                pending = np.concatenate([pending, next(again)])
            mixture, pending = pending[: stretch.shape[1]], pending[stretch.shape[1] :]
            if options.mixture_consistency:
                stretch = stretch + (mixture - stretch.sum(0)) / self.speakers
            yield mixture, stretch

    def _streamed(
        self, source: Path, about: audio.AudioInfo, options: SeparationOptions, progress: Progress
    ) -> Iterator[FloatArray]:
        """Stretches [speakers, frames, channels] at the recording's rate, together exactly as long as it."""
        rate, joiner = about.sample_rate, self.joiner(options)
        same = rate == self.sample_rate
        down = (
            None
            if same
            else soxr.ResampleStream(rate, self.sample_rate, about.channels, dtype="float32", quality="HQ")
        )
        ups = (
            []
            if same
            else [
                soxr.ResampleStream(self.sample_rate, rate, about.channels, dtype="float32", quality="HQ")
                for _ in range(self.speakers)
            ]
        )
        read = given = 0

        def outside(tracks: FloatArray, last: bool) -> FloatArray:
            back = [np.ascontiguousarray(track.T) for track in tracks]
            if not same:
                back = [up.resample_chunk(track, last=last) for up, track in zip(ups, back, strict=True)]
            return np.stack(back)

        for block in audio.raw_blocks(source, frames=max(1, min(262_144, 4 * rate))):
            read += len(block)
            inside = block if down is None else down.resample_chunk(block)
            for tracks in joiner.push(np.ascontiguousarray(inside.T)):
                progress.update(given, about.frames, "Separating {name}", name=source.name)
                stretch = outside(tracks, last=False)[:, : max(0, read - given)]
                given += stretch.shape[1]
                yield stretch
            progress.update(given, about.frames, "Separating {name}", name=source.name)
        if down is not None:
            rest = down.resample_chunk(np.zeros((0, about.channels), dtype=np.float32), last=True)
            for tracks in joiner.push(np.ascontiguousarray(rest.T)):
                stretch = outside(tracks, last=False)[:, : read - given]
                given += stretch.shape[1]
                yield stretch
        ending = joiner.finish() or [np.zeros((self.speakers, about.channels, 0), dtype=np.float32)]
        stretch = outside(np.concatenate(ending, axis=-1), last=True)[:, : read - given]
        lacking = read - given - stretch.shape[1]
        yield np.pad(stretch, ((0, 0), (0, lacking), (0, 0)))
        progress.update(about.frames, about.frames, "Separating {name}", name=source.name)

    def _in_lanes(self, tracks: FloatArray) -> FloatArray:
        """[speakers, channels, samples] at the network's rate, with each voice in one lane."""
        trail = VoiceTrail(self.speakers, self.sample_rate)
        trail.hear(tracks.mean(axis=1))
        lanes = Reordered(trail.identity().orders, self.sample_rate)
        return lanes.push(tracks.transpose(0, 2, 1)).transpose(0, 2, 1)

    def joiner(self, options: SeparationOptions) -> WindowJoiner:
        """Takes sound at the network's rate, block by block."""
        window, overlap = (round(s * self.sample_rate) for s in (options.window_s, options.overlap_s))
        overlap = min(max(1, overlap), max(1, window // 2))
        return WindowJoiner(partial(self.window, times=self._times(options)), window, overlap)

    def _times(self, options: SeparationOptions) -> int:
        """How often each stretch is heard."""
        return options.test_time_augmentation or self.test_time_augmentation

    def window(self, sound: FloatArray, times: int) -> FloatArray:
        """[channels, samples] at the network's rate → [speakers, channels, samples], at the sound's level; in shorter
        windows where a graphics card has no memory for this one."""
        samples = sound.shape[1]

        def separated(size: int) -> FloatArray:
            if size >= samples:
                return self._heard(sound, times)
            joiner = WindowJoiner(partial(self._heard, times=times), size, max(1, size // 4))
            result: FloatArray = np.concatenate([*joiner.push(sound), *joiner.finish()], axis=-1)
            return result

        return devices.with_less(separated, samples, least=min(samples, self.sample_rate))

    @torch.inference_mode()
    def _heard(self, sound: FloatArray, times: int) -> FloatArray:
        """`_window` at once."""
        mono = sound.mean(axis=0)
        loudest = max(map(rms, sound))
        if loudest <= FLOOR:
            return np.zeros((self.speakers, *sound.shape), dtype=np.float32)
        if rms(mono) < 0.1 * loudest:  # channels that cancel each other
            mono = sound[int(np.argmax([rms(channel) for channel in sound]))]
        gain = loudness_gain(mono, self.loudness_db)
        given = mono[None] if len(sound) == 1 else np.concatenate([mono[None], sound])
        signal = torch.from_numpy(np.ascontiguousarray(given * gain, dtype=np.float32)).to(self._target)
        tracks = check_numbers(self._augmented(signal, times).cpu().numpy(), self.name)
        scales = np.ones(len(tracks))
        if self.matches_levels:
            scales = _scales(tracks[:, 0], signal[0].cpu().numpy())
        own = tracks if len(sound) == 1 else tracks[:, 1:]
        return (own * (scales / gain)[:, None, None]).astype(np.float32)

    def _augmented(self, signal: torch.Tensor, times: int) -> torch.Tensor:
        """Test-time augmentation: the mean of several passes, [channels, samples] → [speakers, channels, samples]; the
        first channel decides.

        A network makes other small errors where a sound comes with its sign reversed, or lies otherwise against its hops;
        in the mean they partly cancel. Hops of one or two samples leave fewer places to lie: some passes are alike.
        """
        total: torch.Tensor | None = None
        for number in range(times):
            sign, late = 1 - 2 * (number % 2), number // 2 * self.network.config.stride * 2 // times
            tracks = sign * self._passed(torch.nn.functional.pad(sign * signal, (late, 0)))[..., late:]
            if total is None:
                total = tracks
                continue
            likeness = torch.einsum("it,jt->ij", total[:, 0], tracks[:, 0]).nan_to_num().cpu().numpy()
            total += tracks[linear_sum_assignment(likeness, maximize=True)[1]]
        assert total is not None
        return total / times

    def _passed(self, signal: torch.Tensor) -> torch.Tensor:
        """[channels, samples] → [speakers, channels, samples]: the masks of the first channel, applied to all."""
        masks = None
        tracks = []
        for channel in signal[:, None]:
            coded = self.network.encode(channel)
            masks = self.network.mask_generator(coded) if masks is None else masks
            tracks.append(self.network.decode(coded, masks, signal.shape[-1])[0])
        return torch.stack(tracks, dim=1)


def _scales(tracks: FloatArray, mixture: FloatArray) -> NDArray[np.float64]:
    """One factor a track, [speakers], with which they add up to the mixture as nearly as can be.

    SI-SDR leaves the loudness of a track open. A common factor comes first; from there each track is drawn to its own
    by least squares, but for tracks next to nothing, whose factor would mean nothing. It leaves the sign open, too, which a
    network may turn of all it gives.
    """
    wide, mixed = tracks.astype(np.float64), mixture.astype(np.float64)
    return level_factors(wide @ wide.T, wide @ mixed, float(mixed @ mixed))


def level_factors(
    products: NDArray[np.float64], with_mixture: NDArray[np.float64], energy: float
) -> NDArray[np.float64]:
    """The factors of `_scales`, [speakers], from the tracks' inner products [speakers, speakers], those with the mixture
    [speakers], and the mixture's own."""
    power = float(products.sum())
    common = float(with_mixture.sum()) / power if power > 0 else 1.0
    if not common:
        return np.ones(len(products))
    hold = 1e-3 * energy + 1e-12
    factors = np.linalg.solve(
        products * common**2 + hold * np.eye(len(products)),
        common * with_mixture + hold * np.ones(len(products)),
    )
    return common * np.maximum(factors, 0.0)
