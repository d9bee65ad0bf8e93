"""Which connectivity a denoising model wants: the same digits trained on grids of degree 8 to 24, of as many sites.

    nice -n 5 python benchmarks/explore/grids.py             # killed and run again, it goes on
    python benchmarks/explore/grids.py summary               # of what is in out/explore-grids, nothing trained

Every model is native: a node a site. 64 sites of a 16×16 torus hold the pixels, 192 are latent; on a torus every site
has the degree that the rule gives, as nearly all sites of a large chip have. Monolithic machines are trained with
negative chains of two lengths, and with the correlation penalty; on two grids denoising models of four layers as well.
A model and seed is a file of out/explore-grids/. docs/results/explore_grids.json has the summary, and
docs/images/explore-grids.png the figure. There is no exact likelihood of 256 sites: quality is FID and MMD².
"""

import json
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from grids_figure import figure
from grids_summary import summary
from results import ROOT, write_results

import thermofab as fab
from thermofab.hw.spec.digest import digest_of
from thermofab.models.boltzmann.sampler import FabricSampler
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

GRIDS = ("king", "g8", "g12", "g16", "g20", "g24", "z1")
DENOISED = ("g8", "z1")
"""Grids that a denoising model of four layers is trained on as well."""
SWEEPS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 25, 32, 40, 50, 75, 100, 200, 400)
SEEDS = (0, 1, 2)
KEPT = ROOT / "out" / "explore-grids"
_VERSION = 1  # of what a kept file's numbers mean


@dataclass(frozen=True)
class Case:
    """What is trained.

    Attributes:
        grid: the family.
        size: rows × columns, of a torus.
        layers: of the denoising model; 1 is the monolithic machine.
        sweeps: of a negative chain in training.
        threshold: of the correlation penalty; 0 leaves it out.
        seed: of places, first couplings and training.
    """

    grid: str
    size: str = "16x16"
    layers: int = 1
    sweeps: int = 50
    threshold: float = 0.0
    seed: int = 0

    @property
    def fabric(self) -> str:
        return f"{self.grid}-{self.size}-torus"

    @property
    def training(self) -> LayerTraining:
        # Thirty epochs are too few for the strength to grow from its floor to where it acts.
        penalty = Penalty(self.threshold, start=0.1 if self.threshold else 0.0)
        return LayerTraining(
            epochs=30, sweeps=self.sweeps, clamped_sweeps=20, samples=6, penalty=penalty, seed=self.seed
        )

    @property
    def path(self) -> Path:
        key = digest_of("grids", _VERSION, asdict(self), repr(self.training), SWEEPS)[:8]
        return KEPT / f"{self.grid}-{self.size}-{self.layers}-{self.sweeps}-{self.threshold}-{self.seed}-{key}.json"


def cases() -> list[Case]:
    """In the order in which they are run: what the answer needs most comes first."""
    made = [Case(g, sweeps=k, seed=s) for s in SEEDS for g in GRIDS for k in (10, 50)]
    # As many couplings as g24 on 16×16, at degree 8.
    made += [Case("g8", "28x28", sweeps=50, seed=s) for s in SEEDS]
    made += [Case(g, threshold=0.03, seed=s) for s in SEEDS for g in GRIDS]
    made += [Case(g, layers=4, sweeps=25, seed=s) for s in SEEDS[:2] for g in DENOISED]
    return made


class Judge:
    """FID to the images trained on, MMD² to these and to those held out."""

    def __init__(self, images: BitImages) -> None:
        self._features, self._width = Features.trained(images), median_distance(images.train)
        self._images, self._known = images, self._features.of(images.train)
        self.accuracy = self._features.accuracy

    def fid(self, made: np.ndarray) -> float:
        return frechet_distance(self._known, self._features.of(made))

    def mmd(self, made: np.ndarray, held_out: bool = False) -> float:
        return kernel_mmd(self._images.test if held_out else self._images.train, made, self._width)

    def floor(self) -> dict[str, Any]:
        """What real images, and independent pixels of the right means, read."""
        train, test = self._images.train, self._images.test
        halves = noise(self._features, train, self._width)
        coins = np.random.default_rng(0).random(train.shape) < train.mean(axis=0)
        return {
            "halves": {name: {"mean": mean, "deviation": deviation} for name, (mean, deviation) in halves.items()},
            "held_out": {"fid": self.fid(test), "mmd": self.mmd(test)},
            "independent_pixels": {"fid": self.fid(coins), "mmd": self.mmd(coins)},
        }


def measured(case: Case, images: BitImages, judge: Judge) -> dict[str, Any]:
    """One model trained and judged."""
    begun = time.process_time()
    model = DenoisingModel.fresh(fab.fabric(case.fabric), 64, case.layers, fab.compile, seed=case.seed)
    one_thread = tuple(
        FabricSampler(one.template, fab.open_device("native", one.template.fabric, threads=1)) for one in model.samplers
    )
    strengths: list[float] = []
    model = replace(model, samplers=one_thread).trained(
        images.train, case.training, lambda t, state: strengths.append(state.strength)
    )
    trained = time.process_time() - begun
    made = {k: model.generate(len(images.train), Generation(k), seed=100 + case.seed).images for k in SWEEPS}
    return {
        **asdict(case),
        "fid": [judge.fid(made[k]) for k in SWEEPS],
        "mmd": [judge.mmd(made[k]) for k in SWEEPS],
        "held_out_mmd": judge.mmd(made[case.sweeps], held_out=True) if case.sweeps in made else None,
        "strongest_penalty": max(strengths),
        **mixing(model, images.train, case),
        "training_seconds": trained,
        "seconds": time.process_time() - begun,
    }


def mixing(model: DenoisingModel, images: np.ndarray, case: Case) -> dict[str, Any]:
    """τ and ρ at 50 sweeps after 200, of the layer where each is largest; whether ρ fell to noise within the lags."""
    times, far, ended = [], [], []
    for t, (layer, sampler) in enumerate(zip(model.layers, model.samplers), 1):
        rng = np.random.default_rng(1000 * case.seed + t)
        rows = images[rng.integers(len(images), size=64)]
        noisy = model.chain.pair(rows, t, rng)[1] if len(layer.roles.inputs) else None
        found = autocorrelation(layer, sampler, noisy, warmup=200, spacing=1, lags=100, chains=64, seed=case.seed + 1)
        times.append(found.time())
        far.append(float(found.rho[49]))
        ended.append(bool(np.any(found.rho < 2 * found.error)))
    return {"tau": max(times), "rho_50": max(far), "tau_complete": all(ended)}


def main() -> None:
    wanted = cases()
    if "summary" not in sys.argv[1:]:
        images = digits()
        judge = Judge(images)
        KEPT.mkdir(parents=True, exist_ok=True)
        (KEPT / "floor.json").write_text(json.dumps(judge.floor() | {"classifier_accuracy": judge.accuracy}))
        for number, case in enumerate(wanted, 1):
            if not case.path.exists():
                row = measured(case, images, judge)
                # Whole or not at all: a run may be killed while it writes.
                part = case.path.with_suffix(".part")
                part.write_text(json.dumps(row))
                part.replace(case.path)
                print(
                    f"{number}/{len(wanted)} {case.fabric}, {case.layers} layers, {case.sweeps} sweeps, penalty "
                    f"{case.threshold:g}, seed {case.seed}: best FID {min(row['fid']):.2f}, τ {row['tau']:.1f}, "
                    f"{row['seconds']:.1f} s",
                    flush=True,
                )
    rows = [json.loads(case.path.read_text()) for case in wanted if case.path.exists()]
    floor = json.loads((KEPT / "floor.json").read_text())
    content = {"models": len(rows), "left_out": len(wanted) - len(rows), "sweeps": SWEEPS, "floor": floor}
    content |= summary(rows, GRIDS, SWEEPS)
    print(write_results("explore_grids", content))
    figure(content, ROOT / "docs" / "images" / "explore-grids.png")


if __name__ == "__main__":
    main()
