"""Impression learning: spectrograms of the Free Spoken Digit Dataset (specification 5, "Spoken digits preprocessing").

    python -m impression_learning.preprocess_fsdd recordings=DIR

reads {digit}_{speaker}_{index}.wav (8 kHz) from a folder or a zip, and writes data/cache/spoken_digits.npz.
"""
import hashlib
import io
import re
import sys
import zipfile
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common import ROOT
from common.data import find_data
from common.results import write_atomically
from common.running import progress

RATE = 22_050             # Hz, librosa's default
MEL = dict(sr=RATE, n_fft=2048, hop_length=512, n_mels=128, fmin=0.0, fmax=RATE / 2, power=2.0)
NAME = re.compile(r'(\d)_([a-z]+)_(\d+)\.wav')
HOW = 'get them with: python data/fetch.py fsdd'
SHUFFLE_SEED = 120994


def cache(data_dir=''):
    """Where the spectrograms are kept: data/cache/spoken_digits.npz, another file for each data_dir."""
    mark = f'-{hashlib.sha256(str(Path(data_dir).resolve()).encode()).hexdigest()[:8]}' if data_dir else ''
    return ROOT / 'data' / 'cache' / f'spoken_digits{mark}.npz'


def recordings(source):
    """Sorted list of (name, bytes) of the wav files in a folder or zip; ValueError for a name of another form, or none."""
    source = Path(source)
    if source.is_dir():
        found = sorted((path.name, path.read_bytes()) for path in source.iterdir() if path.is_file())
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            found = sorted((Path(n).name, archive.read(n)) for n in archive.namelist() if n.endswith('.wav'))
    else:
        raise ValueError(f'{source} is neither a folder of recordings nor a zip; {HOW}')
    for name, _ in found:
        if not NAME.fullmatch(name):
            raise ValueError(f'{source}: {name} is not named digit_speaker_index.wav')
    if not found:
        raise ValueError(f'{source} holds no recordings; {HOW}')
    return found


def spectrogram(samples, rate):
    """Mel spectrogram in dB of one recording: resampled to 22,050 Hz, relative to its maximum, floor -80. -> (128, frames)"""
    import librosa
    y = librosa.resample(np.asarray(samples, dtype=np.float32), orig_sr=rate, target_sr=RATE)
    mel = librosa.feature.melspectrogram(y=y, norm='slaney', **MEL)
    return librosa.power_to_db(mel, ref=np.max, amin=1e-10, top_db=80.0)


def read_wav(content, name):
    """(samples in [-1, 1), rate) of a mono 16-bit wav."""
    from scipy.io import wavfile
    try:
        rate, pcm = wavfile.read(io.BytesIO(content))
    except (ValueError, EOFError) as error:
        raise ValueError(f'{name} is not a readable wav file ({error})') from error
    if pcm.dtype != np.int16 or pcm.ndim != 1 or pcm.size == 0:
        raise ValueError(f'{name}: mono 16-bit samples expected, found {pcm.dtype} of shape {pcm.shape}')
    return pcm / np.float32(32768), rate


def make(source=None, out=None, data_dir=''):
    """Preprocess all recordings (test set: index 0-4), files shuffled with a fixed seed. Writes the cache, returns its path."""
    source = source or find_data('fsdd/fsdd_recordings.zip', 'fsdd/recordings', how=HOW, data_dir=data_dir)
    files = recordings(source)
    sets = {'train': ([], []), 'test': ([], [])}
    order = np.random.default_rng(SHUFFLE_SEED).permutation(len(files))
    with progress(len(files), 'spectrograms', unit='file') as bar:
        for i in order:
            name, content = files[i]
            digit, _, index = NAME.fullmatch(name).groups()
            X = spectrogram(*read_wav(content, name))
            parts, labels = sets['test' if int(index) < 5 else 'train']
            parts.append(X.astype(np.float32))
            labels.append(np.full(X.shape[1], int(digit)))
            bar.update()
    arrays = {}
    for name, (parts, labels) in sets.items():
        arrays[f'{name}_set'] = np.concatenate(parts, axis=1) if parts else np.zeros((128, 0), np.float32)
        arrays[f'{name}_labels'] = np.concatenate(labels) if labels else np.zeros(0, int)
    return write_atomically(out or cache(data_dir), lambda file: np.savez(file, **arrays))


if __name__ == '__main__':
    from common.script import stop

    words = dict(word.split('=', 1) for word in sys.argv[1:] if '=' in word)
    if set(words) - {'recordings'} or len(words) != len(sys.argv) - 1:
        stop('preprocess_fsdd takes one word, recordings=DIR (a folder or zip); without it the data folders are searched')
    try:
        print('saved', make(words.get('recordings')))
    except (ValueError, OSError) as mistake:
        stop(f'preprocess_fsdd: {mistake}', 1)
