"""The main job: run the headline experiments of every paper at paper scale, check their numbers, draw the figures.

    python reproduce.py                 headline experiments -> figures/report.html, figures/results.json
    python reproduce.py --quick         the same shortened, a few minutes; no number is judged unless it has a quick band
    python reproduce.py --paper         all figures, sweeps and seeds (modes that no figure uses: each folder's README)
    python reproduce.py --only FOLDER   one paper (may be repeated)
    python reproduce.py --figure FIGURE one figure, for example fig_2d (may be repeated); the other rows stay as they were
    python reproduce.py --publish       copy rows, small figures and curves of the last run to figures/published/ and fill
                                        the tables of the READMEs
Interrupt it and start it again: finished runs are kept, unfinished ones go on from their checkpoints.
"""
import argparse
import os
import sys

os.environ.setdefault('NUMBA_NUM_THREADS', '1')
os.environ.setdefault('MPLBACKEND', 'Agg')

from common.script import demand_scheduler, one_line
from reproduction import experiments, publish


def processes(text):
    """A number of processes; -1 is one a core."""
    if not text.lstrip('-').isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f'a number of processes (-1: one a core), not {text!r}')
    return int(text)


def main(words=None):
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    level = parser.add_mutually_exclusive_group()
    level.add_argument('--quick', action='store_const', const='quick', dest='level')
    level.add_argument('--paper', action='store_const', const='paper', dest='level')
    level.add_argument('--publish', action='store_const', const='publish', dest='level')
    parser.add_argument('--only', action='append', default=[], metavar='FOLDER')
    parser.add_argument('--figure', action='append', default=[], metavar='FIGURE')
    parser.add_argument('--jobs', type=processes, help='processes (default: one a core)')
    parser.add_argument('--cluster', help='address of a Dask scheduler, for example tcp://scheduler:8786')
    given = parser.parse_args(words)
    with one_line('reproduce.py'):
        demand_scheduler(given.cluster)
        if given.level == 'publish':
            if given.only or given.figure or given.jobs or given.cluster:
                parser.error('--publish takes all of the last run; no other option goes with it')
            return publish.publish(experiments.PAPERS)
        return experiments.reproduce(given.level or 'headline', given.only, given.figure, given.jobs or -1, given.cluster)


if __name__ == '__main__':
    sys.exit(main())
