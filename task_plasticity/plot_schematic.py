"""Task-dependent representations: drawings of the model, no data: the network, the tasks, the two priors, the f-I curve."""
import numpy as np

AFTER, BEFORE, CONTROL, THIRD = '#0072B2', '#999999', '#D55E00', '#009E73'
TICKS = ([-np.pi, -np.pi / 2, 0, np.pi / 2, np.pi], ['−π', '−π/2', '0', 'π/2', 'π'])


def network(ax):
    """Tuned input population, noisy recurrent network, read-out, reward."""
    rng = np.random.default_rng(3)
    columns = {'inputs s': (0.0, 6, BEFORE), 'rates r': (1.5, 6, AFTER), 'outputs o': (3.0, 2, CONTROL)}
    places = {name: [(x, (i - (n - 1) / 2) * 0.5) for i in range(n)] for name, (x, n, _) in columns.items()}
    for first, second in (('inputs s', 'rates r'), ('rates r', 'outputs o')):
        for x in places[first]:
            for y in places[second]:
                ax.plot(*zip(x, y, strict=True), color='#cccccc', lw=0.6, zorder=0)
    for _ in range(9):
        i, j = rng.choice(6, 2, replace=False)
        a, b = places['rates r'][i], places['rates r'][j]
        ax.annotate('', b, a, arrowprops={'arrowstyle': '->', 'color': AFTER, 'lw': 0.8, 'alpha': 0.6,
                                          'connectionstyle': f'arc3,rad={rng.choice([-0.6, 0.6])}'})
    for name, (x, n, colour) in columns.items():
        ax.plot(*np.array(places[name]).T, 'o', ms=9, color=colour)
        ax.text(x, (n - 1) / 4 + 0.35, name, ha='center')
    for x, y, text in ((0.75, 1.45, 'C'), (1.5, -1.75, 'W, b, σ'), (2.25, 1.2, 'D')):
        ax.text(x, y, text, ha='center')
    ax.annotate('', (1.7, -2.15), (3.0, -0.6), arrowprops={'arrowstyle': '->', 'color': CONTROL,
                                                           'connectionstyle': 'arc3,rad=-0.35'})
    ax.text(2.75, -2.05, 'reward α', color=CONTROL, ha='center')
    ax.set(xlim=(-0.5, 3.5), ylim=(-2.4, 2.1), title='Network')
    ax.axis('off')


def tasks(ax, boundary=0.0):
    """What the outputs should be, over the circle of stimuli: the angle itself, or its side."""
    theta = np.linspace(-np.pi, np.pi, 200)
    ax.plot(theta, np.cos(theta), color=AFTER, label='estimate: cos θ')
    ax.plot(theta, np.sin(theta), '--', color=AFTER, label='and sin θ')
    ax.step(theta, (theta >= boundary).astype(float), color=CONTROL, label='classify: side')
    ax.set_xticks(*TICKS)
    ax.set(xlabel='stimulus θ (rad)', ylabel='target', title='Tasks', ylim=(-1.2, 2.1))
    ax.legend(loc='upper left', fontsize=8, ncols=3, columnspacing=0.8, handlelength=1.2)


def priors(ax, kappas=(1.5, 0.0), names=('peaked', 'flat')):
    """Stationary density of the stimulus for two concentrations."""
    theta = np.linspace(-np.pi, np.pi, 200)
    for kappa, name, colour in zip(kappas, names, (AFTER, THIRD), strict=True):
        density = np.exp(kappa * np.cos(theta))
        ax.plot(theta, density / density.mean() / (2 * np.pi), color=colour, label=f'{name} (κ = {kappa:g})')
    ax.set_xticks(*TICKS)
    ax.set(xlabel='stimulus θ (rad)', ylabel='density (1/rad)', title='Two priors')
    ax.set_ylim(0, 1.25 * ax.get_ylim()[1])
    ax.legend(loc='upper center', ncols=2, fontsize=8)


def f_I_curve(ax, runs):
    """f-I curve of the neurons."""
    from task_plasticity.model import f
    p = runs[0][0]['params']
    x = np.linspace(-0.3, 0.5, 200)
    ax.plot(x, [f(value, p['alpha'], p['beta'], p['gamma']) for value in x], color=AFTER)
    ax.set(xlabel='input current', ylabel='rate', title='f-I curve')
