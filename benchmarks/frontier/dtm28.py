"""A denoising model of 28×28 digits: scores against sweeps and modelled energy, over seeds, and its bits from RTL.

    python benchmarks/frontier/dtm28.py FOLDER --steps 4 --seeds 0 1 2
    python benchmarks/frontier/dtm28.py FOLDER --rtl 1

FOLDER has the MNIST test files (mnist-dbm): the first 9,000 images are trained on, the last 1,000 held out. Layers are
``models.dtm`` on g12-48x48 and a site beside it for each input. Scores: *FID*, the Fréchet distance between
features of the hidden layer of a classifier trained on the same 9,000 images (not Inception: it compares with nothing
outside this table); *nearest*, the mean number of pixels between a made image and the nearest training image, beside
that of the held-out ones: far above it is noise, far below it is copying. 1,000 images are made for each row. ``--rtl``
trains for one epoch and makes as many images on compiled RTL of the systolic fabric as well.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import keep_row, write_results

import thermofab as fab
from thermofab.hw.spec.costs import DTCA, Z1
from thermofab.models.data import BitImages, load_images, to_bits
from thermofab.models.dtm import DenoisingModel, Features, Generation, LayerTraining, Penalty, frechet_distance

FABRIC, THRESHOLD, TRAINED_ON, MADE = "g12-48x48", 128, 9000, 1000
BETAS = (1.0, 0.8, 1.1, 1.2)
RISING = (1, 0, 2, 3)
SWEEPS = (12, 25, 50, 100, 200, 400)
ORDER: list[tuple[Any, ...]] = [(steps, seed) for steps in (1, 2, 4, 8) for seed in range(16)]


def digits_of(folder: Path) -> BitImages:
    """The test files as bits, cut into two parts."""
    bits = to_bits(load_images(folder / "t10k-images-idx3-ubyte.gz"), THRESHOLD)
    labels = load_images(folder / "t10k-labels-idx1-ubyte.gz").astype(np.int64)
    return BitImages(bits[:TRAINED_ON], bits[TRAINED_ON:], labels[:TRAINED_ON], labels[TRAINED_ON:], (28, 28))


def nearest(images: np.ndarray, known: np.ndarray) -> float:
    """Mean over images bool ``[n, v]`` of the pixels that differ from the nearest of ``known`` bool ``[m, v]``."""
    a, b = np.where(images, 1.0, -1.0).astype(np.float32), np.where(known, 1.0, -1.0).astype(np.float32)
    return float(((a.shape[1] - a @ b.T) / 2).min(axis=1).mean())


def fresh(steps: int, seed: int, device: str) -> DenoisingModel:
    spec = fab.fabric(FABRIC, architecture="systolic")
    return DenoisingModel.fresh(spec, 784, steps, fab.compile, inputs="beside", betas=BETAS, device=device, seed=seed)


def scored(images: BitImages, features: Features, steps: int, seed: int, config: LayerTraining) -> dict[str, Any]:
    """A row: one trained model, its scores at every number of sweeps."""
    known = features.of(images.train)
    model = fresh(steps, seed, "native")
    started = time.perf_counter()
    model = model.trained(images.train, config)
    seconds = time.perf_counter() - started
    points = []
    for sweeps in SWEEPS:
        made = model.generate(MADE, Generation(sweeps), seed=5)
        points.append(
            {
                "sweeps": sweeps,
                "fid": frechet_distance(known, features.of(made.images)),
                "nearest": nearest(made.images, images.train),
                "joules": {cost.name: made.ledger.joules(cost) / MADE for cost in (DTCA, Z1)},
            }  # fmt: skip
        )
        print(steps, seed, points[-1], flush=True)
    return {
        "steps": steps, "seed": seed, "epochs": config.epochs, "training_sweeps": config.sweeps,
        "train_seconds": seconds, "points": points,
    }  # fmt: skip


def on_rtl(images: BitImages, count: int) -> None:
    """Images of a model trained for an epoch, on the native device and on compiled RTL."""
    model = fresh(2, 0, "native").trained(images.train, LayerTraining(epochs=1, sweeps=20, penalty=Penalty(0.0)))
    how = Generation(20, RISING)
    here = model.generate(count, how, seed=1)
    started = time.perf_counter()
    there = model.on("rtl").generate(count, how, seed=1)
    compared = sum(states.size for states in here.states)
    differ = sum(int(np.count_nonzero(a != b)) for a, b in zip(here.states, there.states, strict=True))
    row = {
        "images": count, "layers": 2, "sweeps": 20, "compared": compared, "differ": differ,
        "cycles": there.ledger.cycles, "seconds": time.perf_counter() - started,
    }  # fmt: skip
    print(row)
    write_results("frontier_dtm28_rtl", {"rows": [row]})


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--sweeps", type=int, default=50, help="of the negative chains in training")
    parser.add_argument("--rtl", type=int, metavar="IMAGES", help="this many images on compiled RTL instead")
    asked = parser.parse_args()
    images = digits_of(asked.folder)
    if asked.rtl:
        return on_rtl(images, asked.rtl)
    features = Features.trained(images)
    known = features.of(images.train)
    coins = np.random.default_rng(0).random(images.test.shape) < images.train.mean(axis=0)
    about = {
        "fabric": FABRIC,
        "classifier": features.accuracy,
        "held_out": {
            "fid": frechet_distance(known, features.of(images.test)), "nearest": nearest(images.test, images.train)
        },
        "independent_pixels": {
            "fid": frechet_distance(known, features.of(coins)), "nearest": nearest(coins, images.train)
        },
    }  # fmt: skip
    print(about, flush=True)
    for seed in asked.seeds:
        for steps in asked.steps:
            config = LayerTraining(
                epochs=asked.epochs, sweeps=asked.sweeps, samples=10, learning_rate=0.01, penalty=Penalty(0.03),
                seed=seed,
            )  # fmt: skip
            row = scored(images, features, steps, seed, config)
            keep_row("frontier_dtm28", row, ("steps", "seed"), ORDER, **about)


if __name__ == "__main__":
    main()
