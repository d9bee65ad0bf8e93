"""Denoising against monolithic machines on 8×8 digits: quality, autocorrelation, energy per sample.

    python benchmarks/models/dtm.py [--quick] [--fabric g12-20x20] [--steps 1 2 4] [--figures docs/images]

Every model is trained without and with the correlation penalty, from the same starting values, and generates as many
images as there are to train on. FID and MMD are against the training images; both lines before the table say what they
read between real images. ρ is the autocorrelation at the training's number of sweeps, of the slowest layer; τ its
integrated autocorrelation time, likewise. Energies are modelled, from the ledger of the generating run.
"""

import argparse
import time
from pathlib import Path

import numpy as np

import thermofab as fab
from thermofab.hw.spec.costs import DTCA, Z1
from thermofab.models.data import BitImages, digits
from thermofab.models.dtm import (
    DenoisingModel,
    Features,
    Generation,
    LayerTraining,
    Penalty,
    autocorrelation,
    frechet_distance,
    kernel_mmd,
    median_distance,
    noise,
)

BETAS = (1.0, 0.8, 1.1, 1.2)
RISING = (1, 0, 2, 3)
"""β 0.8, 1, 1.1, 1.2: a quarter of the sweeps each."""
SWEEPS = (5, 10, 20, 50, 100, 200, 400, 800)


class Judge:
    """The metrics, with the classifier and the kernel's width they need."""

    def __init__(self, images: BitImages) -> None:
        self.features = Features.trained(images)
        self.real = images.train
        self.width = median_distance(images.train)
        self.known = self.features.of(images.train)

    def __call__(self, made: np.ndarray) -> tuple[float, float]:
        return frechet_distance(self.known, self.features.of(made)), kernel_mmd(self.real, made, self.width)


def slowest(model: DenoisingModel, images: np.ndarray, config: LayerTraining) -> tuple[float, float]:
    """Autocorrelation at the training's sweeps, and integrated time, of the layer where each is largest."""
    at, times = [], []
    for t, (layer, sampler) in enumerate(zip(model.layers, model.samplers), 1):
        rows = images[np.random.default_rng(t).integers(len(images), size=256)]
        noisy = model.chain.pair(rows, t, np.random.default_rng(t))[1] if len(layer.roles.inputs) else None
        few = None if noisy is None else noisy[:64]
        warm = 4 * config.sweeps
        far = autocorrelation(layer, sampler, noisy, warmup=warm, spacing=config.sweeps, lags=1, chains=256, seed=1)
        near = autocorrelation(layer, sampler, few, warmup=warm, spacing=1, lags=4 * config.sweeps, chains=64, seed=2)
        at.append(far.rho[0])
        times.append(near.time())
    return max(at), max(times)


def figures(folder: Path, curves: dict[str, list[float]], pictures: dict[str, np.ndarray], floor: float) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    figure, axis = pyplot.subplots(figsize=(6, 4), layout="constrained")
    for (name, values), mark in zip(curves.items(), "osv^Dxp*+"):
        axis.loglog(SWEEPS[: len(values)], values, marker=mark, markersize=4, label=name)
    axis.axhline(floor, color="grey", linestyle=":", label="real against real")
    axis.set(xlabel="Gibbs sweeps of each layer", ylabel="FID (own classifier)")
    axis.legend(fontsize=7)
    figure.savefig(folder / "dtm-quality.png", dpi=120)
    figure, axes = pyplot.subplots(len(pictures), 1, figsize=(8, 0.55 * len(pictures)), layout="constrained")
    for axis, (name, bits) in zip(axes, pictures.items()):
        tiles = np.pad(bits[:24].reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1))).transpose(1, 0, 2).reshape(10, -1)
        axis.imshow(tiles, cmap="gray_r", interpolation="nearest")
        axis.set_title(name, fontsize=8, loc="left")
        axis.axis("off")
    figure.savefig(folder / "dtm-samples.png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="3 epochs")
    parser.add_argument("--fabric", default="g12-20x20")
    parser.add_argument("--inputs", choices=("beside", "grid"), default="beside")
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--sweeps", type=int, default=50, help="of training and of the table's samples, a layer")
    parser.add_argument("--thresholds", type=float, nargs="+", default=[0.0, 0.03], help="of the penalty; 0 is without")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figures", type=Path)
    chosen = parser.parse_args()
    images = digits()
    judge = Judge(images)
    floor = noise(judge.features, images.train, judge.width)
    print(
        f"{chosen.fabric}, {len(images.train)} digits, classifier right on {judge.features.accuracy:.1%} of the others"
    )
    for name, (mean, deviation) in floor.items():
        print(f"{name} between random halves of the training images: {mean:.4f} ± {deviation:.4f}")
    coins = np.random.default_rng(0).random(images.train.shape) < images.train.mean(axis=0)
    print("independent pixels of the right means: fid {:.2f}, mmd {:.4f}\n".format(*judge(coins)))
    print(
        f"{'model':8} {'penalty':>7} {'λ':>6} {'ρ':>7} {'τ':>6} {'fid':>6} {'mmd':>7} {'fid, β↑':>8} {'mmd, β↑':>8} "
        f"{'updates':>9} {'DTCA, nJ':>8} {'Z1, nJ':>8} {'train, s':>8}"
    )
    curves: dict[str, list[float]] = {}
    pictures: dict[str, np.ndarray] = {"training digits": images.train}
    for steps in chosen.steps:
        for threshold in chosen.thresholds:
            config = LayerTraining(
                epochs=3 if chosen.quick else chosen.epochs, sweeps=chosen.sweeps, penalty=Penalty(threshold),
                seed=chosen.seed,
            )  # fmt: skip
            model = DenoisingModel.fresh(
                fab.fabric(chosen.fabric), 64, steps, fab.compile, inputs=chosen.inputs, betas=BETAS, seed=chosen.seed
            )
            begun = time.perf_counter()
            strengths: list[float] = []
            model = model.trained(images.train, config, lambda t, state, seen=strengths: seen.append(state.strength))
            seconds = time.perf_counter() - begun
            rho, tau = slowest(model, images.train, config)
            count = len(images.train)
            made = model.generate(count, Generation(chosen.sweeps), seed=5)
            rising = model.generate(count, Generation(chosen.sweeps, RISING), seed=5)
            name = ("MEBM" if steps == 1 else f"DTM {steps}") + (f", penalty {threshold:g}" if threshold else "")
            spent = made.ledger
            print(
                f"{name.split(',')[0]:8} {threshold or 'no':>7} {max(strengths):6.3f} {rho:7.4f} {tau:6.1f} "
                "{:6.2f} {:7.4f} {:8.2f} {:8.4f} ".format(*judge(made.images), *judge(rising.images))
                + f"{spent.site_updates / count:9.0f} {1e9 * spent.joules(DTCA) / count:8.3f} "
                f"{1e9 * spent.joules(Z1) / count:8.1f} {seconds:8.0f}",
                flush=True,
            )
            some = SWEEPS[:3] if chosen.quick else SWEEPS
            curves[name] = [judge(model.generate(count, Generation(k), seed=5).images)[0] for k in some]
            pictures[name] = made.images
    print("\nfid by sweeps of each layer: " + " ".join(f"{k:>6}" for k in SWEEPS))
    for name, values in curves.items():
        print(f"{name:28} " + " ".join(f"{value:6.2f}" for value in values))
    if chosen.figures:
        figures(chosen.figures, curves, pictures, floor["fid"][0])


if __name__ == "__main__":
    main()
