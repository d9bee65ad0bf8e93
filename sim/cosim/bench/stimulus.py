"""What a fabric is given to do: random schedules and images, drawn so that every situation comes up."""

import numpy as np

from thermofab.hw.host.driver import RunSettings
from thermofab.hw.spec import IDLE, FabricSpec, Image
from thermofab.sim.conformance import random_image


def drawn_run(rng: np.random.Generator, spec: FabricSpec, updates: int) -> RunSettings:
    """A schedule of about ``updates`` site updates, or few."""
    steps = int(rng.choice([0, 1, 1, 2, 5]))
    count = int(rng.choice([0, 0, 1, 2, 4, 16]))
    phases = tuple((int(rng.integers(0, 5)), int(rng.integers(spec.levels))) for _ in range(count))
    samples = int(rng.choice([0, 1, 5, max(1, updates // (spec.n_sites * max(1, steps)))], p=[0.1, 0.1, 0.2, 0.6]))
    return RunSettings(phases, samples, steps, int(rng.integers(spec.levels)))


def drawn_image(rng: np.random.Generator, spec: FabricSpec) -> Image:
    """Also with the largest weights and biases all of one sign, which reach both ends of the tables."""
    image = random_image(rng, spec)
    if rng.random() < 0.3:
        sign = int(rng.choice([-1, 1]))
        biases = np.full(spec.n_sites, sign * spec.bias_max)
        if image.order is not None:
            biases[image.order.colours == IDLE] = 0
        image = image.replace(weights=np.abs(image.weights) * sign, biases=biases)
    shift = [spec.min_shift, spec.dither_bits, image.shift][int(rng.integers(3))]
    return image.replace(shift=shift)
