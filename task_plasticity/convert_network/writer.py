"""Write a network so that the original program loads it.

The file is a pickle of protocol 3 (Python 3.0 on): the attributes of one instance of the program's own class PlasticNet, which
is named, not carried, so that it runs the program's own code. Arrays are stored as lists of numbers, which every numpy reads.
"""
import pickle

CLASS = b'c__main__\nPlasticNet\n)\x81'        # the class by name, made without calling its __init__; its state comes next
NAMES = {'weights': 'W', 'i_weights': 'C', 'biases': 'b', 'decoder': 'D'}


class Array:
    """numpy.array(numbers) in the file."""

    def __init__(self, values):
        self.values = values

    def __reduce__(self):
        import numpy as np
        return np.array, (self.values.tolist(),)


def dumps(arrays, task, params, input_params):
    """Bytes of a network: arrays W, C, b, D and, if there are any, *_initial; its task; the released parameter dictionaries."""
    state = {name: Array(arrays[short]) for name, short in NAMES.items()}
    state |= {f'{name}_old': Array(arrays[f'{short}_initial']) if f'{short}_initial' in arrays else None
              for name, short in NAMES.items()}
    state |= {'task_name': task, 'params': params, 'input_params': input_params}
    state |= {'pcas': [], 'pca_trajectories': [], 'decoders_past': []}
    header = pickle.dumps(state, protocol=3)
    return header[:2] + CLASS + header[2:-1] + b'b.'
