"""R-STDP on N-MNIST: from events to latencies."""
import numpy as np

from rstdp_mnist import nmnist


def test_a_pixel_whose_first_event_lies_at_time_0_never_fires():
    """The first event of a pixel counts even at time 0, and then the pixel drops out: its later events are refractory."""
    x, y, polarity, time = np.array([(3, 3, 1, 0), (4, 3, 0, 500), (3, 3, 0, 900), (4, 3, 1, 950), (5, 3, 1, 1000)]).T
    pixel, kept, when = nmnist.first_events(x, y, polarity, time)
    assert pixel.tolist() == [3 * 34 + 4, 3 * 34 + 5] and kept.tolist() == [0, 1] and when.tolist() == [500, 1000]
    latency = nmnist.latencies_of(x, y, polarity, time, 16)
    assert {tuple(cell) for cell in np.argwhere(latency < 16)} == {(0, 3, 4), (1, 3, 5)}
