"""Impression learning: from sound files to spectrograms.

Reads what librosa reads (wav of any width and rate, flac, ogg, mp3, mono or stereo) from a folder or a zip. A spectrogram has
128 mel bands and one frame per 512 samples at 22,050 Hz, in dB below the file's own maximum, floor -80 dB.
"""
import io
import re
import warnings
import zipfile
from pathlib import Path

import numpy as np

RATE = 22_050             # Hz, librosa's default
N_FFT = 2048              # samples of a frame
MEL = dict(sr=RATE, n_fft=N_FFT, hop_length=512, n_mels=128, fmin=0.0, fmax=RATE / 2, power=2.0)
SUFFIXES = ('.wav', '.flac', '.ogg', '.mp3')
DIGIT = re.compile(r'(\d)_([a-z]+)_(\d+)\.wav')       # digit_speaker_index.wav, the Free Spoken Digit Dataset's names
HOW = '; get the spoken digits with: python data/fetch.py fsdd'


def files(source):
    """Sorted list of (name, function that reads its bytes) of all that is in a folder (not below) or in a zip; ValueError if
    it is neither."""
    source = Path(source)
    if source.is_dir():
        found = [(path.name + '/' * path.is_dir(), path.read_bytes) for path in source.iterdir()]
    elif zipfile.is_zipfile(source):
        archive = zipfile.ZipFile(source)
        found = [(Path(n).name, lambda n=n: archive.read(n)) for n in archive.namelist() if not n.endswith('/')]
    else:
        raise ValueError(f'{source} is neither a folder of recordings nor a zip')
    return sorted(found, key=lambda pair: pair[0])


def recordings(source, digits=False):
    """(the sound files [(name, read), ...] of a folder or zip, [text for each file left out]); digits: only those named
    digit_speaker_index.wav count. ValueError if there is none."""
    kept, left = [], []
    for name, get in files(source):
        if not is_sound(name):
            left.append(f'{name} (no sound file)')
        elif digits and not DIGIT.fullmatch(name):
            left.append(f'{name} (not named digit_speaker_index.wav)')
        else:
            kept.append((name, get))
    if not kept:
        wanted = 'named digit_speaker_index.wav' if digits else f'({", ".join(SUFFIXES)})'
        raise ValueError(f'{source} holds no recordings {wanted}' + HOW * digits)
    return kept, left


def is_sound(name):
    """True for the name of a sound file; hidden files (._x.wav of a Mac's archive) are none."""
    return name.lower().endswith(SUFFIXES) and not name.startswith('.')


def read(content, name):
    """(samples (n,) in [-1, 1], rate) of a sound file's bytes, channels averaged; ValueError says what is wrong with it."""
    import librosa
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')                    # its fallback to other readers warns
            samples, rate = librosa.load(io.BytesIO(content), sr=None, mono=True, dtype=np.float32)
    except Exception as error:                                 # every reader behind it raises errors of its own kind
        raise ValueError(f'{name} (not readable: {type(error).__name__})') from error
    if not np.isfinite(samples).all():
        raise ValueError(f'{name} (NaN or infinite samples)')
    if len(samples) * RATE < N_FFT * rate:
        raise ValueError(f'{name} (shorter than a frame of {N_FFT / RATE:.3f} s)')
    if not samples.any():
        raise ValueError(f'{name} (silence)')
    return samples, rate


def spectrogram(samples, rate):
    """Mel spectrogram in dB of one recording: resampled to 22,050 Hz, relative to its maximum, floor -80. -> (128, frames)"""
    import librosa
    y = librosa.resample(np.asarray(samples, dtype=np.float32), orig_sr=rate, target_sr=RATE)
    mel = librosa.feature.melspectrogram(y=y, norm='slaney', **MEL)
    return librosa.power_to_db(mel, ref=np.max, amin=1e-10, top_db=80.0)
