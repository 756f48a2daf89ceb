"""biohsic: mistakes are named in one line before anything is computed; the original's words and scripts."""
import dataclasses
import gzip
import json
import os
import struct
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

from biohsic import data, entry, exp_params, plot_generator, simulation
from common import ROOT
from common.params import Remark, load_params


def load(*words):
    return load_params(exp_params, *words)


@pytest.mark.parametrize('words, message', [
    (['mode=biohsic_mnist', 'batch_size=1'], 'effective batch size must be >= 2'),
    (['mode=hsic_mnist', 'batch_size=1'], 'effective batch size must be >= 2'),
    (['mode=lif_xor', 'batch_size=1'], 'effective batch size must be >= 2'),
    (['mode=reservoir', 'batch_size=1'], 'effective batch size must be >= 2'),
    (['mode=bp_mnist', 'batch_size=0'], 'batch_size = 0'),
    (['mode=lif_xor', 'batch_size=901'], 'there is no window'),
    (['mode=biohsic_mnist', 'train_size=5'], 'there is no window'),
    (['mode=reservoir', 'nsamples=9'], 'there is no window'),
    (['mode=lif_xor', 'sigma_x=0'], 'sigma_x = 0.0: kernel widths must be positive'),
    (['mode=lif_xor', 'sigmas=[.5,-1,1]'], 'sigma_y = -1: kernel widths must be positive'),
    (['mode=lif_xor', 'sigmas=[.5,1]'], 'three kernel widths'),
    (['mode=lif_xor', 'hsic.sigmas=[.5]'], 'three kernel widths'),
    (['mode=lif_xor', 'sigmas=[.5,.5,.5]', 'sigma_x=3'], 'sigma_x = 3.0 and sigmas = (0.5, 0.5, 0.5) contradict each other'),
    (['mode=lif_xor', 'data=linear'], "data = 'linear' contradicts mode = 'lif_xor'"),
    (['mode=bp_mnist', 'task=hsic'], "task = 'hsic' contradicts mode = 'bp_mnist'"),
    (['mode=bp_cifar10_cnn', 'model=mlp'], "model = 'mlp' contradicts mode = 'bp_cifar10_cnn'"),
    (['mode=biohsic_cifar10_mlp', 'augment=True'], "augment is for model = 'cnn'"),
    (['mode=reservoir', 'model=linear'], "model = 'linear' does not exist for task = 'reservoir'"),
    (['mode=reservoir', 'readout_rule=rmhebb'], 'explores by output noise'),
    (['mode=lif_xor', 'gamma=-1'], 'gamma = -1.0: allowed is from 0 on'),
    (['mode=lif_xor', 'time_step=0.006'], 'Euler steps longer than the time constant are unstable'),
    (['mode=lif_xor', 'sample_timesteps=0'], 'sample_timesteps = 0: allowed is from 1 on'),
    (['mode=lif_xor', 'nmodels=0'], 'nmodels = 0: allowed is from 1 on'),
    (['mode=biohsic_xor', 'model=cnn'], 'needs images'),
    (['mode=lif_xor', 'model=cnn'], "does not exist for task = 'lif'"),
    (['mode=smoke', 'model=cnn', 'features=2,2,2,2'], 'poolings by 2 are too many for images of 8 pixels'),
    (['mode=biohsic_mnist', 'nclasses=11'], 'mnist has 10 classes'),
    (['mode=lif_xor', 'nclasses=3'], 'xor has 2 classes'),
    (['mode=biohsic_mnist', 'features=128,0'], 'positive numbers of units'),
    (['mode=biohsic_mnist', 'features=12.5'], 'positive numbers of units'),
    (['mode=biohsic_mnist', 'model=linear', 'features=4'], 'has no hidden layer'),
    (['mode=biohsic_mnist', 'data=mnst'], 'did you mean mnist?'),
    (['mode=biohsic_mnist', 'model=mpl'], 'did you mean mlp?'),
    (['mode=biohsic_mnist', 'optimizer=adamww'], 'did you mean adamw?'),
    (['mode=biohsic_mnist', 'modulator=realeased'], 'did you mean released?'),
    (['mode=biohsic_mnist', 'batchsze=4'], 'did you mean batch'),
    (['mode=biohsic_mnist', 'hsic.gama=4'], 'unknown parameter'),
    (['mode=biohsic_mnst'], 'did you mean biohsic_mnist?'),
    (['mode=biohsic_mnist', 'train_size=70000'], 'mnist has 60000 training samples'),
    (['mode=biohsic_mnist', 'learning_rate=nan'], 'learning_rate takes float'),
    (['mode=biohsic_mnist', 'learning_rate=0'], 'learning_rate = 0.0: allowed is > 0'),
    (['mode=biohsic_mnist', 'b1=1.0'], 'b1 = 1.0: allowed is 0 <= b1 < 1'),
    (['mode=biohsic_mnist', 'augment=True'], 'augment is for images of cifar10'),
    (['mode=biohsic_mnist', 'schedule=piecewiseconstant'], 'boundaries_and_scales'),
    (['mode=biohsic_mnist', 'schedule=joinschedules', 'schedules=(("dropdead",1),)'], 'name one of'),
    (['mode=biohsic_mnist', 'schedule=joinschedules', 'schedules=(("constant",1),)', 'boundaries=3,4'], 'need 0'),
    (['mode=reservoir', 'data=xor'], 'driven by images of mnist'),
    (['mode=reservoir', 'density=1.5'], 'density <= 1'),
    (['mode=reservoir', 'output_noise=-1'], 'output_noise = -1.0: allowed is from 0 on'),
    (['mode=memory_sweep', 'array_num=6'], 'array_num must be 1..5'),
    (['mode=smoke', 'model=cnn', 'independent_orders=True'], 'independent_orders'),
    (['mode=smoke', 'device=tpu'], "device = 'tpu': did you mean cpu? choose from auto, cpu, cuda"),
    (['mode=lif_xor', 'input_scale=0'], 'input_scale = 0: nothing but zeros'),
    (['mode=lif_xor', 'order_seed=-1'], 'seeds are not negative'),
    (['mode=smoke', 'sigma_x=1e-200'], 'kernel widths must be positive (and within'),
    (['mode=biohsic_mnist', 'test_size=20000'], 'mnist has 10000 test samples'),
    (['mode=smoke', 'check_size=121'], 'larger than the 120 training samples'),
    (['mode=reservoir', 'nsamples=20000'], 'mnist has 10000 test images'),
    (['mode=reservoir', 'optimizer=adam'], 'learns by plain descent'),
    (['mode=reservoir', 'modulator=none'], 'no signal for the reservoir'),
    (['mode=smoke', 'schedule=piecewiseconstant', 'boundaries_and_scales=(("a",.1),)'], 'pairs ((update, factor), ...)'),
    (['mode=smoke', 'schedule=piecewiseconstant', 'boundaries_and_scales={100:None}'], 'pairs ((update, factor), ...)'),
    (['mode=smoke', 'schedule=joinschedules', 'schedules=(("expdecay",1e-3,.5,0,0),)'], 'positive rates and steps'),
    (['mode=smoke', 'schedule=joinschedules', 'schedules=(("constant",1,2,3),)'], 'is none of ("constant", rate)'),
    (['mode=smoke', 'schedule=joinschedules', 'schedules=(("piecewiseconstant",1e-3),)'], 'is none of ("constant", rate)'),
    (['mode=smoke', 'schedule=joinschedules', 'schedules=(("constant","x"),)'], 'is none of ("constant", rate)'),
])
def test_one_clear_line(words, message):
    with pytest.raises(ValueError) as error:
        load(*words)
    assert message in str(error.value) and '\n' not in str(error.value)


def test_legal_extremes():
    """One step, one network, back-propagation on single samples, two samples in memory."""
    assert load('mode=lif_xor', 'sample_timesteps=1', 'nmodels=1').sample_timesteps == 1
    assert load('mode=bp_mnist', 'batch_size=1').batch_size == 1 and load('mode=lif_xor', 'batch_size=2').batch_size == 2


def test_the_originals_words():
    p = load('mode=lif_xor', 'data.batchsize=64', 'hsic.gamma=2', 'hsic.sigmas=[.5,.1,1]', 'training.nepochs=3',
             'model.features=[8,4]', 'optimizer.learning_rate.init_value=1e-3', 'optimizer/learning_rate=expdecay', '+data=xor')
    assert (p.batch_size, p.gamma, p.sigma_x, p.sigma_y, p.sigma_z) == (64, 2, 0.5, 0.1, 1)
    assert (p.nepochs, p.features, p.init_value, p.schedule, p.data) == (3, (8, 4), 1e-3, 'expdecay', 'xor')
    p = load('mode=reservoir', 'hsic.sigma=0.7', 'readout_rule=rmhebb', 'training.lpf_time_constant=0.02', 'output_noise=.1')
    assert p.average_time == 0.02
    assert (p.sigma_x, p.sigma_y, p.sigma_z, p.optimizer) == (0.7, 0.7, 0.7, 'sgd')
    p = load('mode=smoke', '+optimizer/learning_rate=piecewiseconstant',
             'optimizer.learning_rate.boundaries_and_scales={100:0.1,200:.5}')
    assert (p.optimizer, p.schedule, p.boundaries_and_scales) == ('adamw', 'piecewiseconstant', ((100, 0.1), (200, 0.5)))


def test_the_originals_words_about_its_machine_are_named_and_left_out(capsys):
    assert entry.meaningful(['data=xor', 'gpu=1', '+training.log_interval=10']) == ['data=xor']
    assert 'left out: gpu=1 +training.log_interval=10' in capsys.readouterr().err


@pytest.mark.parametrize('words, figure', [
    (['mode=lif_linear', 'features=10,4'], 'f2_small_tasks'), (['mode=lif_xor', 'features=5,4,3,5,4,3,4'], 'f2_small_tasks'),
    (['mode=biohsic_xor', 'batch_size=4', 'dtype=float64'], 'f3_large_tasks'),
    (['mode=memory_sweep', 'data=digits', 'model=mlp', 'dtype=float64', 'nepochs=0'], 'f4_memory_sweep'),
])
def test_figures_of_settings_that_were_not_published(words, figure):
    """More layers than in the published figure, points without a time axis, an untrained network."""
    p = load(*words, 'train_size=30', *([] if words[-1].startswith('nepochs') else ['nepochs=1']), 'nmodels=2')
    meta = json.loads(json.dumps({'params': dataclasses.asdict(p), 'mode': p.mode}))
    assert plot_generator.figure_of(p) == figure
    drawn = plot_generator.FIGURES[figure]([(meta, simulation.run(p))])
    drawn.canvas.draw()
    plt.close(drawn)


@pytest.mark.parametrize('task, words, mode, batch_size', [
    ('lif', ['data=mnist'], 'lif_mnist', 6), ('lif', ['data=fashion_mnist'], 'lif_fashion', 6),
    ('lif', ['data=linear'], 'lif_linear', 10), ('lif', ['+data=xor'], 'lif_xor', 10), ('lif', [], 'lif_xor', 10),
    ('reservoir', [], 'reservoir', 10), ('biohsic', ['data=mnist'], 'biohsic_mnist', 6),
    ('biohsic', ['data=cifar10', 'model=cnn'], 'biohsic_cifar10_cnn', 6), ('biohsic', ['data=mnist', 'data.batchsize=8'],
                                                                          'biohsic_mnist', 8),
    ('biohsic', ['data=cifar10', 'model=mlp'], 'biohsic_cifar10_mlp', 6), ('hsic', ['data=fashion_mnist'], 'hsic_fashion', 6),
    ('bp', ['data=xor'], 'bp_xor', 256), ('bp', ['data=cifar10'], 'bp_cifar10_cnn', 16),
    ('hsic', ['data=digits'], 'hsic_mnist', 6),
])
def test_the_originals_scripts_choose_the_mode(task, words, mode, batch_size):
    p = load(*entry.words_for(task, words))
    assert (p.mode, p.task, p.batch_size) == (mode, task, batch_size)


def call(*words, code=0, results, **environment):
    found = os.environ | {'PLASTICITY_RESULTS': str(results / 'r'), 'PLASTICITY_FIGURES': str(results / 'f'),
                          'MPLBACKEND': 'Agg', 'PYTHONPATH': str(ROOT)} | environment
    done = subprocess.run([sys.executable, *map(str, words)], cwd=results, env=found, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    assert 'Traceback' not in done.stderr
    return done


def test_run_and_plot_from_another_folder(tmp_path):
    before = call('-m', 'biohsic.plot_generator', 'mode=smoke', code=1, results=tmp_path)
    assert 'python -m biohsic.simulation mode=smoke' in before.stderr
    call(ROOT / 'biohsic' / 'simulation.py', 'mode=smoke', results=tmp_path)
    call('-m', 'biohsic.plot_generator', 'mode=smoke', results=tmp_path)
    assert {path.suffix for path in (tmp_path / 'f').rglob('f3_*')} == {'.png', '.pdf'}


@pytest.mark.slow
def test_the_walkthrough_runs_through(tmp_path):
    """It ends with asserts on what it said."""
    call(ROOT / 'biohsic' / 'walkthrough.py', results=tmp_path)


@pytest.mark.slow
def test_modes_do_not_overwrite_each_others_figures(tmp_path):
    """Linear and XOR task are one kind of figure; rule and rival can be drawn together."""
    small = ('nmodels=2', 'nepochs=1', 'train_size=30', 'test_size=20')
    digits = ('data=digits',)
    for mode, more in (('lif_linear', ()), ('lif_xor', ()), ('biohsic_mnist', digits), ('bp_mnist', digits)):
        call('-m', 'biohsic.simulation', f'mode={mode}', *small, *more, results=tmp_path)
    call('-m', 'biohsic.plot_generator', 'mode=lif_linear', *small, results=tmp_path)
    call('-m', 'biohsic.plot_generator', 'mode=lif_xor', *small, results=tmp_path)
    call('-m', 'biohsic.plot_generator', 'mode=biohsic_mnist,bp_mnist', 'data=digits', *small, results=tmp_path)
    call('-m', 'biohsic.simulation', 'mode=lif_xor', *small, 'seed=1', results=tmp_path)
    call('-m', 'biohsic.plot_generator', 'mode=lif_xor', *small, 'seed=1', results=tmp_path)
    names = [path.stem for path in (tmp_path / 'f').rglob('*.png')]
    assert sorted(name.split('-')[0] for name in names) == [                # '-': six digits for what was changed
        'f2_small_tasks_lif_linear', 'f2_small_tasks_lif_xor', 'f2_small_tasks_lif_xor',
        'f3_large_tasks_biohsic_mnist_bp_mnist', 'fig_third_factor_biohsic_mnist_bp_mnist',
        'fig_third_factor_lif_linear', 'fig_third_factor_lif_xor', 'fig_third_factor_lif_xor']


def test_scripts_run(tmp_path):
    """A linear model with the HSIC script crashed in the original (D17); here its read-out learns."""
    small = ('nmodels=1', 'nepochs=1', 'train_size=60', 'test_size=20')
    done = call('-m', 'biohsic.train_hsic', 'data=digits', 'model=linear', 'dtype=float64', *small, results=tmp_path)
    assert 'saved' in done.stdout
    call('-m', 'biohsic.train_lif_biohsic', '+data=xor', *small, results=tmp_path)
    wrong = call('-m', 'biohsic.train_bp', 'data=minst', code=2, results=tmp_path)
    assert 'did you mean mnist?' in wrong.stderr


def test_coarse_steps_are_warned_of(tmp_path):
    done = call('-m', 'biohsic.simulation', 'mode=lif_linear', 'nmodels=1', 'nepochs=0', 'time_step=0.004', results=tmp_path)
    assert 'warning: time_step is more than half' in done.stderr


def test_missing_files_are_named(tmp_path):
    if (ROOT / 'data' / 'fashion_mnist').exists():
        pytest.skip('data/fashion_mnist exists')
    done = call('-m', 'biohsic.simulation', 'mode=biohsic_fashion', code=1, results=tmp_path, PLASTICITY_DATA=str(tmp_path))
    assert 'python data/fetch.py fashion_mnist' in done.stderr


def write_idx(path, array):
    head = struct.pack(f'>HBB{array.ndim}I', 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(head + array.tobytes()))


def mnist_like(folder, labels, shape=(28, 28)):
    """A tiny data set in MNIST's format."""
    (folder / 'mnist').mkdir(parents=True)
    for part in ('train', 't10k'):
        write_idx(folder / 'mnist' / f'{part}-images-idx3-ubyte.gz', np.zeros((len(labels), *shape), np.uint8))
        write_idx(folder / 'mnist' / f'{part}-labels-idx1-ubyte.gz', np.array(labels, np.uint8))
    return load('mode=biohsic_mnist', f'data_dir={folder}', 'train_size=12')


def test_wrong_contents_are_named(tmp_path):
    with pytest.raises(ValueError, match='labels 0..12 do not lie in 0..9'):
        data.load(mnist_like(tmp_path / 'a', [0, 12] * 6))
    with pytest.raises(ValueError, match='not 28 x 28'):
        data.load(mnist_like(tmp_path / 'b', [0, 1] * 6, (20, 20)))
    with pytest.raises(ValueError, match='larger than the 4 training samples'):
        data.load(mnist_like(tmp_path / 'c', [0, 1, 2, 3]))
    p = mnist_like(tmp_path / 'd', [0, 1] * 6)
    (tmp_path / 'd' / 'mnist' / 't10k-labels-idx1-ubyte.gz').unlink()
    with pytest.raises(FileNotFoundError, match='t10k-labels-idx1-ubyte.gz is missing.*fetch.py mnist'):
        data.load(p)


def test_a_missing_gpu_is_named():
    import torch

    from biohsic.cnn import device_of
    if torch.cuda.is_available():
        pytest.skip('there is a CUDA device')
    with pytest.raises(ValueError, match='no CUDA device'):
        device_of(load('mode=smoke', 'model=cnn', 'features=3', 'device=cuda'))
    assert device_of(load('mode=smoke', 'model=cnn', 'features=3')).type == 'cpu'


def test_divergence_is_reported(tmp_path):
    """A learning rate of 1e200 with plain descent: the run ends with what came before and says where."""
    done = call('-m', 'biohsic.simulation', 'mode=smoke', 'optimizer=sgd', 'learning_rate=1e200', code=1, results=tmp_path)
    assert 'non-finite loss or weights' in done.stderr and 'learning_rate=1e+200' in done.stderr


def test_a_kernel_too_narrow_to_signal_is_named():
    """sigma_z = 1e-9: K^z of different outputs is 0, so hidden layers stay what they are without third factor."""
    with pytest.warns(Remark, match='third factor vanishes'):
        narrow = load('mode=smoke', 'sigma_z=1e-9')
    none = load('mode=smoke', 'modulator=none')
    assert np.array_equal(simulation.run(narrow)['final_W1'], simulation.run(none)['final_W1'])


def test_everything_but_the_convolutions_runs_without_torch(tmp_path):
    """Import of torch is blocked: the modes of the headline experiments, their rows and figures; the CNN says what it needs."""
    text = '''
import sys
class Blocked:
    def find_spec(self, name, *_):
        if name.split('.')[0] in ('torch', 'spikingjelly'):
            raise ModuleNotFoundError('blocked', name=name)
sys.meta_path.insert(0, Blocked())
from biohsic import exp_params, simulation, experiments, plot_generator
from common.params import load_params
small = dict(nmodels=2, nepochs=1, train_size=30, test_size=10)
for mode, given in (('smoke', {}), ('lif_xor', small), ('bp_mnist', small | {'data': 'digits'})):
    runs = [({'params': vars(p), 'mode': p.mode}, simulation.run(p)) for p in [load_params(exp_params, mode=mode, **given)]]
assert all(experiments.experiments(level) for level in ('quick', 'headline', 'paper'))
try:
    simulation.run(load_params(exp_params, mode='smoke', model='cnn', features=3))
except ImportError as error:
    print('needs', error.name)
'''
    done = call('-c', text, results=tmp_path)
    assert 'needs torch' in done.stdout
