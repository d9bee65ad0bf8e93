"""A denoising model of 8×8 digits generating on compiled RTL: the same bits as on the simulator.

    python benchmarks/models/dtm_rtl.py [--fabric g8-16x16] [--images 4] [--epochs 5]

The fabric is built as the systolic one (`architecture="systolic"`); its Verilog is compiled and runs every layer,
clamped inputs (in the grid) and β levels included. All site states at the end of every layer are compared.
"""

import argparse
import time

import numpy as np

import thermofab as fab
from thermofab.models.data import digits
from thermofab.models.dtm import DenoisingModel, Generation, LayerTraining


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--fabric", default="g8-16x16")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--sweeps", type=int, default=50)
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=5)
    chosen = parser.parse_args()
    spec = fab.fabric(chosen.fabric, architecture="systolic")
    model = DenoisingModel.fresh(spec, 64, chosen.steps, fab.compile, inputs="grid", betas=(1.0, 0.8, 1.1, 1.2))
    model = model.trained(digits().train, LayerTraining(epochs=chosen.epochs, sweeps=chosen.sweeps))
    how = Generation(chosen.sweeps, levels=(1, 0, 2, 3))
    here = model.generate(chosen.images, how, seed=1)
    begun = time.perf_counter()
    there = model.on("rtl").generate(chosen.images, how, seed=1)
    differ = sum(int(np.sum(a != b)) for a, b in zip(here.states, there.states, strict=True))
    print(
        f"{chosen.fabric}, {chosen.steps} layers, {chosen.sweeps} sweeps each over 4 β levels, "
        f"{chosen.images} images: {sum(one.size for one in here.states)} site states compared, {differ} differ\n"
        f"RTL: {there.ledger.cycles} clock cycles ({there.ledger.cycles_are}), "
        f"{there.ledger.site_updates} site updates, {time.perf_counter() - begun:.0f} s with the build"
    )
    raise SystemExit(1 if differ else 0)


if __name__ == "__main__":
    main()
