"""Impression learning: sound files and arrays of one's own, from a folder of odd files to a trained network."""
import io
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from scipy.io import wavfile

from common.params import load_params
from common.results import result_path
from impression_learning import data, exp_params, preprocess_fsdd, simulation, sounds

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Spectrograms are kept below tmp_path."""
    monkeypatch.setattr(preprocess_fsdd, 'ROOT', tmp_path / 'root')


def noise(seconds=0.5, rate=8000, channels=1):
    """Samples of noise in [-0.3, 0.3]."""
    return RNG.uniform(-0.3, 0.3, (int(seconds * rate), channels)[:1 if channels == 1 else 2])


def write_recordings(folder, names):
    """16-bit wavs of noise."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        wavfile.write(folder / name, 8000, (noise() * 32767).astype(np.int16))


def params(folder, **given):
    """A short run on a folder of recordings."""
    small = dict(n_neurons=3, n_top=2, epoch_num=2, loss_every=10)
    return load_params(exp_params, mode='recordings', recordings=str(folder), **small | given)


def odd_files(folder):
    """Sound files of every kind that libsndfile writes, two that cannot be used, and two that are no sound."""
    import soundfile

    folder.mkdir()
    kinds = [('a.wav', 'PCM_U8', 8000, 1), ('b.wav', 'PCM_16', 44100, 2), ('c.WAV', 'PCM_24', 48000, 1),
             ('d.wav', 'PCM_32', 16000, 3), ('e.wav', 'FLOAT', 22050, 1), ('f.flac', 'PCM_16', 11025, 1),
             ('g.ogg', 'VORBIS', 16000, 1), ('h.mp3', 'MPEG_LAYER_III', 16000, 1), ('i.wav', 'DOUBLE', 8000, 1),
             ('j.wav', 'PCM_16', 8000, 1), ('k.wav', 'PCM_16', 8000, 1)]
    for name, kind, rate, channels in kinds:
        soundfile.write(folder / name, noise(0.5, rate, channels), rate, subtype=kind)
    wavfile.write(folder / 'silent.wav', 8000, np.zeros(8000, np.int16))
    wavfile.write(folder / 'short.wav', 8000, (noise(0.02) * 32767).astype(np.int16))
    (folder / 'broken.wav').write_bytes(b'RIFF but nothing more')
    (folder / 'notes.txt').write_text('not a sound')
    (folder / '._a.wav').write_bytes(b'of a Mac')
    (folder / 'below').mkdir()


def test_a_folder_of_odd_sound_files_trains(tmp_path, capsys):
    odd_files(tmp_path / 'odd')
    d = simulation.run(params(tmp_path / 'odd'))
    assert d['data_test'].shape[1] == 128 and np.isfinite(d['loss_mean']).all()
    np.testing.assert_allclose(d['data_test'].std(), 1, rtol=1e-3)
    assert d['data_test'].min() == 0
    said = capsys.readouterr().err
    for text in ('notes.txt (no sound file)', 'below/ (no sound file)', 'silent.wav (silence)', 'short.wav (shorter than a',
                 'broken.wav (not readable'):
        assert text in said
    simulation.run(params(tmp_path / 'odd'))            # from the cache: named again
    assert 'silent.wav (silence)' in capsys.readouterr().err


def test_every_width_and_channel_gives_the_samples(tmp_path):
    """8, 16, 24, 32 bit, float and double, mono and stereo: the same samples within the quantisation."""
    import soundfile
    x = noise()
    for subtype, step in (('PCM_U8', 2 ** -7), ('PCM_16', 2 ** -15), ('PCM_24', 2 ** -20), ('PCM_32', 2 ** -20),
                          ('FLOAT', 1e-6), ('DOUBLE', 1e-6)):
        for channels in (1, 2):
            file = io.BytesIO()
            soundfile.write(file, np.repeat(x[:, None], channels, axis=1), 8000, format='WAV', subtype=subtype)
            samples, rate = sounds.read(file.getvalue(), 'x.wav')
            assert rate == 8000 and samples.shape == x.shape
            np.testing.assert_allclose(samples, x, atol=1.01 * step)


def test_other_recordings_are_never_answered_with_old_ones(tmp_path):
    """One more file: another cache and another result; a zip and a folder of the same files give the same spectrograms."""
    folder = tmp_path / 'sounds'
    write_recordings(folder, [f'{name}.wav' for name in 'abcdefghijk'])
    first = result_path(params(folder)), preprocess_fsdd.cache(folder, False)
    with zipfile.ZipFile(tmp_path / 'all.zip', 'w') as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    a, b = (preprocess_fsdd.load(place, False) for place in (folder, tmp_path / 'all.zip'))
    assert all(np.array_equal(a[name], b[name]) for name in a)
    write_recordings(folder, ['l.wav'])
    second = result_path(params(folder)), preprocess_fsdd.cache(folder, False)
    assert first[0] != second[0] and first[1] != second[1]


@pytest.mark.parametrize('names, digits, message', [
    ([], False, 'holds no recordings'),
    (['seven.wav'], True, 'holds no recordings named digit_speaker_index.wav'),
    (['1_theo_1.wav'], True, 'the train set is empty: 1 usable recordings, index 0-4 is for the test'),
    (['a.wav'], False, 'the train set is empty'),
])
def test_empty_sets_are_refused(tmp_path, names, digits, message):
    write_recordings(tmp_path / 'recordings', names)
    with pytest.raises(ValueError, match=message):
        preprocess_fsdd.load(tmp_path / 'recordings', digits)


@pytest.mark.parametrize('content', [b'cut short', b'PK\x03\x04 cut short'])
def test_damaged_spectrograms_are_named(tmp_path, content):
    write_recordings(tmp_path / 'sounds', ['0_theo_1.wav', '0_theo_7.wav'])
    path = preprocess_fsdd.cache(tmp_path / 'sounds', True)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'spoken_digits-.*npz is not a readable set of spectrograms'):
        preprocess_fsdd.load(tmp_path / 'sounds', True)


@pytest.mark.parametrize('save, message', [
    (lambda path: np.save(path, np.zeros((10, 4))), 'all its values are equal'),
    (lambda path: np.save(path, np.arange(10.0)), 'has shape'),
    (lambda path: np.save(path, np.array([['a', 'b']])), 'real numbers'),
    (lambda path: np.save(path, np.full((30, 4), np.nan)), 'contains NaN'),
    (lambda path: np.save(path, RNG.normal(size=(5, 4))), 'the test set has shape'),
    (lambda path: path.write_bytes(b'no array'), 'not a readable .npy or .npz'),
    (lambda path: np.save(path, RNG.normal(size=(50, 7))), 'give n_in=7'),
    (lambda path: np.save(path, np.array([{}], dtype=object), allow_pickle=True), 'not a readable'),
])
def test_arrays_that_cannot_be_used_are_named(tmp_path, save, message):
    save(tmp_path / 'own.npy')
    p = params(tmp_path / 'own.npy', n_in=4)
    with pytest.raises(ValueError, match=message):
        data.stimuli(p, data.streams(p))


def test_an_array_of_ones_own_trains_as_it_is(tmp_path):
    """Values are not scaled; the last tenth, or the array `test`, is the test set; a part of it can be asked for, not more."""
    X = RNG.normal(0, 0.3, (100, 4))
    np.save(tmp_path / 'own.npy', X)
    np.savez(tmp_path / 'both.npz', train=X[:60], test=X[60:])
    for name, cut in (('own.npy', 90), ('both.npz', 60)):
        p = params(tmp_path / name, n_in=4)
        train, test, _ = data.stimuli(p, data.streams(p))
        assert np.array_equal(train.block(0, train.steps), X[:cut]) and np.array_equal(test.block(0, test.steps), X[cut:])
    assert np.isfinite(simulation.run(p)['loss_mean']).all()
    p = params(tmp_path / 'own.npy', n_in=4, n_sample=91)
    with pytest.raises(ValueError, match='n_sample=91 asks for 91 steps, .* has 90'):
        data.stimuli(p, data.streams(p))
    p = params(tmp_path / 'own.npy', n_in=4, scale=0.001)
    assert [part.steps for part in data.stimuli(p, data.streams(p))[:2]] == [1, 1]


def call(*words, code=0, **environment):
    """Run a program; returns the finished process."""
    command = [sys.executable, '-m', *map(str, words)]
    result = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
    assert result.returncode == code, result.stderr
    assert 'Traceback' not in result.stderr
    return result


def test_mistakes_end_in_one_line(tmp_path):
    simulation = 'impression_learning.simulation'
    assert 'does not exist' in call(simulation, 'mode=recordings', f'recordings={tmp_path / "nowhere"}', code=2).stderr
    assert 'your own data' in call(simulation, 'mode=recordings', code=1).stderr
    preprocess = 'impression_learning.preprocess_fsdd'
    assert 'neither a folder' in call(preprocess, f'recordings={__file__}', code=1).stderr
    assert 'one word' in call(preprocess, 'somewhere', code=1).stderr
