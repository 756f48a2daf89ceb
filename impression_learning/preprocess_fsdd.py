"""Impression learning: spectrograms of recordings, made once and kept by content.

    python -m impression_learning.preprocess_fsdd                       the Free Spoken Digit Dataset, found in the data folders
    python -m impression_learning.preprocess_fsdd recordings=DIR        any folder (or zip) of sound files

A run makes them itself when they are missing. Of the spoken digits, recordings with index 0-4 are the test set; of others every
tenth by name. The files of each set are shuffled once, and joined without gaps.
"""
import sys
import zipfile
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common import ROOT
from common.data import content_digest, find_data
from common.results import write_atomically
from common.running import progress
from common.script import help_asked, one_line
from common.words import apart
from impression_learning import sounds
from impression_learning.checks import FSDD

SHUFFLE_SEED = 120994


def cache(source, digits):
    """Where the spectrograms of a folder or zip are kept: a name made of its content. digits: see sounds.recordings"""
    return ROOT / 'data' / 'cache' / f'{"spoken_digits" if digits else "recordings"}-{content_digest(source)[:16]}.npz'


def is_test(name, i):
    """True if recording number i (by name) belongs to the test set."""
    digit = sounds.DIGIT.fullmatch(name)
    return int(digit[3]) < 5 if digit else i % 10 == 0


def make(found, out):
    """Spectrograms of the recordings [(name, read), ...], written to `out`. -> [text for each recording left out]

    Silence, clips shorter than a frame and unreadable files are left out; ValueError if a set stays empty.
    """
    sets, lost = {'train': ([], []), 'test': ([], [])}, []
    order = np.random.default_rng(SHUFFLE_SEED).permutation(len(found))
    with progress(len(found), 'spectrograms', unit='file') as bar:
        for i in order:
            name, get = found[i]
            bar.update()
            try:
                X = sounds.spectrogram(*sounds.read(get(), name)).astype(np.float32)
            except ValueError as error:
                lost.append(str(error))
                continue
            parts, labels = sets['test' if is_test(name, i) else 'train']
            digit = sounds.DIGIT.fullmatch(name)
            parts.append(X)
            labels.append(np.full(X.shape[1], int(digit[1]) if digit else -1))
    for name, (parts, _) in sets.items():
        if not parts:
            rule = 'index 0-4 is for the test' if sounds.DIGIT.fullmatch(found[0][0]) else 'every tenth is for the test'
            raise ValueError(f'the {name} set is empty: {len(found) - len(lost)} usable recordings, {rule}'
                             + ''.join(f'; {text}' for text in sorted(lost)[:5]))
    arrays = {f'{name}_set': np.concatenate(parts, axis=1) for name, (parts, _) in sets.items()}
    arrays |= {f'{name}_labels': np.concatenate(labels) for name, (_, labels) in sets.items()}
    arrays['left_out'] = np.array(sorted(lost), dtype=str)
    write_atomically(out, lambda file: np.savez(file, **arrays))


def load(source, digits, again=False):
    """{'train_set': (128, T), 'train_labels', 'test_set', 'test_labels'} of a folder or zip, from the cache if it is there.
    What was left out is named on stderr."""
    found, left = sounds.recordings(source, digits)
    path = cache(source, digits)
    if again or not path.exists():
        make(found, path)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        left += arrays.pop('left_out').tolist()
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f'{path} is not a readable set of spectrograms ({type(error).__name__}); delete it, and the next run '
                         'makes it again') from error
    if left:
        more = f' and {len(left) - 20} more' if len(left) > 20 else ''
        print(f'warning: left out of {source}: {", ".join(left[:20])}{more}', file=sys.stderr)
    return arrays


if __name__ == '__main__':
    help_asked(sys.argv[1:], __doc__)
    with one_line('preprocess_fsdd'):
        rest, given = apart(sys.argv[1:], 'recordings')
        if rest:
            raise ValueError('one word, recordings=DIR (a folder or zip); without it the data folders are searched')
        digits = given['recordings'] is None
        place = find_data(*FSDD, how='get them with: python data/fetch.py fsdd') if digits else given['recordings']
        made = load(place, digits, again=True)
        print(f'{place}: {made["train_set"].shape[1]} frames to train, {made["test_set"].shape[1]} to test; saved',
              cache(place, digits))
