"""Sound as it reaches a microphone elsewhere: noise, rooms, narrow bands, codecs, levels. For training and for judging.

A `Scene` is where somebody is heard: the same room, band and device for all they say there. What differs from clip to
clip, such as the course of a noise, is drawn anew. Everything is made from the sound itself and a generator of random
numbers, so that no recordings of noise are needed.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass

import numpy as np
import soundfile
from scipy import signal

RATE = 16_000
NOISES = ("white", "pink", "brown", "fan", "hum", "clicks", "speech-shaped", "babble")
BANDS = ("", "telephone", "laptop")
CODECS = ("", "mp3", "opus")


@dataclass(frozen=True)
class Scene:
    """room_s: reverberation time (60 dB) in seconds, 0 for none; direct_db: the direct sound over the tail.

    band: the device's, one of `BANDS`; tilt: 0..1, where within its kind a device lies. noise: one of `NOISES`, "" for
    none; snr_db: the speech over it. codec: one of `CODECS`. gain_db: the level's change. clipped: the share of the peak
    at which the sound is cut off; 1 for none.
    """

    room_s: float = 0.0
    direct_db: float = 3.0
    band: str = ""
    tilt: float = 0.5
    noise: str = ""
    snr_db: float = 40.0
    codec: str = ""
    gain_db: float = 0.0
    clipped: float = 1.0

    def heard(self, sound: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """`sound`, float32 [samples] at 16 kHz, as it would be heard here: the same length."""
        made = np.asarray(sound, np.float64)
        if self.room_s:
            made = reverberated(made, self.room_s, self.direct_db, random)
        if self.noise:
            made = made + noise_for(made, self.noise, self.snr_db, random)
        if self.band:
            made = through(made, self.band, self.tilt)
        if self.clipped < 1:
            most = float(np.abs(made).max()) * self.clipped
            made = np.clip(made, -most, most)
        if self.codec:
            made = coded(made, self.codec)
        made = made * 10 ** (self.gain_db / 20)
        return np.clip(made, -1, 1).astype(np.float32)


def scene_of(speaker: str, number: int) -> Scene:
    """The scene of a speaker's copy of that number: the same whenever it is asked for."""
    return drawn(np.random.default_rng([number, zlib.crc32(speaker.encode())]))


def drawn(random: np.random.Generator) -> Scene:
    """A scene as people may meet it: mostly some noise and a room, sometimes a narrow band, a codec, clipping."""
    band = str(random.choice(BANDS, p=(0.5, 0.2, 0.3)))
    return Scene(
        room_s=float(random.uniform(0.15, 0.9)) if random.random() < 0.5 else 0.0,
        direct_db=float(random.uniform(-3, 9)),
        band=band,
        tilt=float(random.random()),
        noise=str(random.choice(NOISES)) if random.random() < 0.75 else "",
        snr_db=float(random.uniform(5, 40)),
        codec=str(random.choice(CODECS, p=(0.6, 0.2, 0.2))),
        gain_db=float(random.uniform(-24, 6)),
        clipped=float(random.uniform(0.2, 0.7)) if random.random() < 0.15 else 1.0,
    )


def reverberated(
    sound: np.ndarray, room_s: float, direct_db: float, random: np.random.Generator
) -> np.ndarray:
    """Through a room whose tail is noise that decays exponentially, by 60 dB within `room_s`."""
    length = round(room_s * RATE)
    tail = random.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail *= 10 ** (-direct_db / 20) / np.sqrt(np.square(tail).sum())
    return np.asarray(signal.fftconvolve(sound, np.concatenate([[1.0], tail]))[: len(sound)])


def noise_for(sound: np.ndarray, kind: str, snr_db: float, random: np.random.Generator) -> np.ndarray:
    """Noise of a kind, as long as the sound, `snr_db` below its power."""
    count = len(sound)
    if kind in ("white", "pink", "brown"):
        made = _coloured(count, {"white": 0.0, "pink": 0.5, "brown": 1.0}[kind], random)
    elif kind == "fan":
        low = random.uniform(80, 400)
        band = signal.butter(2, (low, low * random.uniform(2, 6)), "bandpass", fs=RATE, output="sos")
        made = signal.sosfilt(band, random.standard_normal(count)) + 0.1 * random.standard_normal(count)
    elif kind == "hum":
        made, base = np.zeros(count), float(random.choice((50.0, 60.0)))
        for number in range(1, 12):
            phase = random.uniform(0, 2 * np.pi)
            made += np.sin(2 * np.pi * base * number * np.arange(count) / RATE + phase) / number
        made += 0.1 * random.standard_normal(count)
    elif kind == "clicks":
        made = 0.02 * random.standard_normal(count)
        decay = np.exp(-np.arange(480) / 80)
        for place in random.integers(0, count, max(1, round(count / RATE * random.uniform(2, 8)))):
            length = min(480, count - int(place))
            made[place : place + length] += (decay * random.standard_normal(480))[:length]
    elif kind == "speech-shaped":
        spectrum = np.abs(np.fft.rfft(sound)) * np.exp(2j * np.pi * random.random(count // 2 + 1))
        made = np.fft.irfft(spectrum, count)
    elif kind == "babble":
        made = np.zeros(count)
        for _ in range(8):  # voices of other pitches, talking past one another
            places = np.arange(count) * random.uniform(0.8, 1.25) + random.integers(count)
            made += np.interp(places % count, np.arange(count), sound[::-1])
    else:
        raise ValueError(f"noise {kind!r} is not one of {', '.join(NOISES)}")
    power = np.square(made).mean() or 1.0
    return np.asarray(made * np.sqrt(np.square(sound).mean() / power * 10 ** (-snr_db / 10)))


def _coloured(count: int, slope: float, random: np.random.Generator) -> np.ndarray:
    """Noise whose amplitude falls with the frequency to the power of `slope`."""
    spectrum = np.fft.rfft(random.standard_normal(count))
    frequency = np.maximum(np.fft.rfftfreq(count, 1 / RATE), 20.0)
    return np.asarray(np.fft.irfft(spectrum / frequency**slope, count))


def through(sound: np.ndarray, band: str, tilt: float) -> np.ndarray:
    """Through a telephone (300–3400 Hz, 8-bit µ-law) or the microphone of a laptop (no bass, a resonance, little treble)."""
    if band == "telephone":
        narrow = signal.butter(4, (300, 3400), "bandpass", fs=RATE, output="sos")
        made = np.clip(signal.sosfilt(narrow, sound), -1, 1)
        levels = np.sign(made) * np.log1p(255 * np.abs(made)) / np.log(256)
        levels = np.round(levels * 127) / 127
        return np.asarray(np.sign(levels) * np.expm1(np.abs(levels) * np.log(256)) / 255)
    if band == "laptop":
        made = signal.sosfilt(signal.butter(2, 120 + 230 * tilt, "highpass", fs=RATE, output="sos"), sound)
        peak = signal.iirpeak(1500 + 2500 * tilt, 2.0, fs=RATE)
        made = made + (0.5 + tilt) * signal.lfilter(*peak, made)
        roll = signal.butter(2, 7000 - 2500 * tilt, "lowpass", fs=RATE, output="sos")
        return np.asarray(signal.sosfilt(roll, made))
    raise ValueError(f"band {band!r} is not one of {', '.join(BANDS)}")


def coded(sound: np.ndarray, codec: str) -> np.ndarray:
    """Through a lossy codec at low quality and back."""
    kind, subtype = {"mp3": ("MP3", "MPEG_LAYER_III"), "opus": ("OGG", "OPUS")}[codec]
    buffer = io.BytesIO()
    scale = max(1.0, float(np.abs(sound).max()))
    soundfile.write(buffer, sound / scale, RATE, format=kind, subtype=subtype, compression_level=0.9)
    buffer.seek(0)
    made, rate = soundfile.read(buffer, dtype="float64")
    if rate != RATE:
        made = signal.resample_poly(made, RATE, rate)
    return np.asarray(np.resize(np.pad(made, (0, max(0, len(sound) - len(made)))), len(sound)) * scale)
