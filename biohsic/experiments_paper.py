"""The HSIC-bottleneck rule: experiments of `reproduce.py --paper` (hours); see experiments.py."""
from biohsic.experiments_values import CLAIMS, at_epoch, difference, only, params, published_at
from reproduction.evidence import row


def mnist_long():
    """F3, left, 25 epochs: as many networks as one core trains in half an hour."""
    runs = [params('biohsic_mnist', nmodels=5), params('bp_mnist', nmodels=10)]
    rule, bp = only(what='released'), only(what='bp')
    rows = [row('rule: test accuracy after 25 epochs, %', at_epoch(rule, 25), 91.7, None, (90, None), main=True),
            row('back-propagation: after 25 epochs, %', at_epoch(bp, 25), 97.6, None, (97, 98.3), main=True),
            row('rule: after 10 epochs, %', at_epoch(rule, 10), 90),
            row('back-propagation: after 10 epochs, %', at_epoch(bp, 10), 97.5, None, (97, 98))]
    return {'mode': 'biohsic_mnist, bp_mnist', 'figure': 'f3_large_tasks', 'claim': CLAIMS['mnist_long'], 'needs': 'mnist',
            'runs': runs, 'rows': rows}


def other_images():
    """Fashion-MNIST (shipped settings) and CIFAR-10 by the reduced protocol."""
    fashion = [params(mode, nmodels=3, nepochs=3) for mode in ('biohsic_fashion', 'bp_fashion')]
    rule, bp = (only(data='fashion_mnist', what=what) for what in ('released', 'bp'))
    rows = [row('Fashion-MNIST, rule: test accuracy after 3 epochs, %', at_epoch(rule, 3)),
            row('Fashion-MNIST, back-propagation: after 3 epochs, %', at_epoch(bp, 3))]
    cifar = [params('biohsic_cifar10_reduced', modulator=m, nmodels=3) for m in ('released', 'exact', 'none')]
    cifar.append(params('bp_cifar10_reduced', nmodels=3))
    rule, exact, none, bp = (only(data='cifar10', what=what) for what in ('released', 'exact', 'none', 'bp'))
    reduced = 'Channels 32-64, first 5000 training and 2000 test images, no augmentation. Released program: three networks.'
    rows += [row('CIFAR-10 reduced, rule: test accuracy after 1 epoch, %', at_epoch(rule, 1), None, 41.5, (38, 45),
                 note=reduced),
             row('CIFAR-10 reduced, exact gradient: after 1 epoch, %', at_epoch(exact, 1), None, 40.75, (37, 44.5)),
             row('CIFAR-10 reduced, no third factor: after 1 epoch, %', at_epoch(none, 1), None, 37.43, (31, 44)),
             row('CIFAR-10 reduced, back-propagation: after 3 epochs, %', at_epoch(bp, 3), None, 50.12, (46.5, 53.5)),
             row('CIFAR-10 reduced: back-propagation above the rule, points', difference(at_epoch(bp, 3), at_epoch(rule, 1)),
                 None, 8.62, (0, None)),
             row('CIFAR-10 reduced: rule above no third factor, same weights and order, points',
                 difference(at_epoch(rule, 1), at_epoch(none, 1)), None, 4.07)]
    return [{'mode': 'biohsic_fashion, bp_fashion', 'figure': 'f3_fashion', 'claim': CLAIMS['other'], 'needs': 'fashion_mnist',
             'runs': fashion, 'rows': rows[:2]},
            {'mode': 'biohsic_cifar10_reduced, bp_cifar10_reduced', 'figure': 'f3_cifar10', 'claim': CLAIMS['other'],
             'needs': 'cifar10', 'packages': ('torch',), 'runs': cifar, 'rows': rows[2:]}]


def cifar10():
    """F3, right: hours, one network each; a run that was interrupted goes on."""
    more = dict(nmodels=1, train_metrics=False, check_size=2000)
    runs = [params('bp_cifar10_cnn', **more), params('biohsic_cifar10_cnn', nepochs=20, **more),
            params('biohsic_cifar10_cnn', modulator='none', nepochs=5, **more)]
    bp, rule, none = (only(what=what) for what in ('bp', 'released', 'none'))
    rows = [row(f'CIFAR-10, {name}: test accuracy after {epoch} epochs, %', at_epoch(which, epoch),
                published_at('cifar10_curves', f'{column}_test_acc_pct', epoch), None, (77, 81) if epoch == 50 else None,
                main=epoch == 50 or name == 'rule' and epoch == 20)
            for name, which, column, epochs in (('back-propagation', bp, 'bp', (10, 50)), ('rule', rule, 'rule', (10, 20)))
            for epoch in epochs]
    rows.append(row('CIFAR-10: rule above no third factor, same weights and order, 5 epochs, points',
                    difference(at_epoch(rule, 5), at_epoch(none, 5))))
    return {'mode': 'biohsic_cifar10_cnn, bp_cifar10_cnn', 'figure': 'f3_cifar10_full', 'claim': CLAIMS['cifar10'],
            'needs': 'cifar10', 'packages': ('torch',), 'runs': runs, 'rows': rows}


# ---------------------------------------------------------------- F4

def sweep():
    """F4 on MNIST: 10,000 images, five epochs."""
    settings = dict(data='mnist', model='mlp', train_size=10_000, nepochs=5, nmodels=3)
    return sweep_of(settings, 'f4_memory_sweep', CLAIMS['sweep'], 'mnist', None)


def cifar10_sweep():
    """F4 with a smaller network and fewer images than published, one to two hours."""
    settings = dict(features=(32, 64), train_size=10_000, nepochs=5, nmodels=3, augment=False)
    return sweep_of(settings, 'f4_cifar10', CLAIMS['cifar10_sweep'], 'cifar10', (0, None)) | {'packages': ('torch',)}


def sweep_of(settings, figure, claim, needs, band):
    """F4: training and test accuracy against N; band of the rise of the training accuracy."""
    runs = [params('memory_sweep', array_num=i, **settings) for i in range(1, 6)]
    sizes = [p.batch_size for p in runs]

    def last(name, N):
        return lambda runs: [float(100 * v) for v in only(batch_size=N)(runs)[1][name][-1]]
    rows = [row(f'{needs}, N = {N}: {name.split("_")[0]} accuracy after {settings["nepochs"]} epochs, %', last(name, N))
            for name in ('train_accuracy', 'test_accuracy') for N in sizes]
    rows.append(row(f'{needs}: training accuracy, N = 32 above N = 2, points',
                    difference(last('train_accuracy', 32), last('train_accuracy', 2)), 7.4 if needs == 'cifar10' else None,
                    band=band, note='Published on CIFAR-10: 75.7 and 68.3 %, 7.4 points.'))
    return {'mode': 'memory_sweep', 'figure': figure, 'claim': claim, 'needs': needs, 'runs': runs, 'rows': rows}


def experiments():
    """All of them."""
    return [mnist_long(), *other_images(), sweep(), cifar10(), cifar10_sweep()]
