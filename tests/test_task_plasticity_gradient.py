"""Task-dependent representations: the three-factor rule's mean update is the gradient of the expected reward."""
import pytest

from common.params import Remark, load_params
from task_plasticity import exp_params, experiments_gradient


@pytest.mark.parametrize('objective', ['estimation', 'categorisation', pytest.param('double_angle', marks=pytest.mark.slow)])
def test_mean_update_points_along_the_gradient(objective):
    """Cosine near 1 for W, b and C; length within a factor of two of the theory's (2 / sigma^2; W: half of it)."""
    p = load_params(exp_params, mode='smoke', objective=objective, N=5, input_dim=5, T=400.0, transient=20.0,
                    switch_period=200.0, record_res=1, initial_bias=0.0)
    for name, (cosine, slope) in experiments_gradient.check(p, 3).items():
        assert cosine > 0.9, name
        assert 0.5 < slope < 2, name


def test_command_line(capsys):
    """What may be asked; help; what the check is not about is refused."""
    small = ['T=40', 'N=2', 'input_dim=3']
    experiments_gradient.main(small)
    plain = capsys.readouterr().out
    assert plain.count('cosine') == 3 and 'N=2' in plain and 'initial_bias=0.0' in plain
    idle = dict.fromkeys(experiments_gradient.IDLE.split(), '1') | dict.fromkeys(
        ('annealed', 'decoder_fixed', 'symmetric_init', 'tuning', 'released_code'), 'True')
    with pytest.warns(Remark) as said:
        experiments_gradient.main([*small, *(f'{name}={value}' for name, value in idle.items())])
    assert capsys.readouterr().out == plain
    assert {str(x.message).split()[0] for x in said if 'this check' in str(x.message)} == set(idle)
    with pytest.raises(ValueError, match='of memory'):
        experiments_gradient.main(['T=200000', 'dt=1e-4'])
    experiments_gradient.main(['-h'])
    assert 'values unless given' in capsys.readouterr().out
    with pytest.raises(ValueError, match='the check is about'):
        experiments_gradient.main(['mode=decoder_only'])
