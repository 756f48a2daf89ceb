"""A finished row for tests of what is made of rows."""


def finished(ours=1.0, sem=0.1, n=10, **more):
    return {'folder': 'f', 'figure': 'fig', 'mode': 'm', 'quantity': 'q', 'setting': 'default', 'ours': ours, 'sem': sem,
            'n': n, 'interval': None, 'verdict': 'no band', 'paper': None, 'released': None} | more
