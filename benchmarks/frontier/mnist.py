"""Handwritten digits read by a published network of p-bits, at a few bits a weight: accuracy, sweeps, time, energy.

    python benchmarks/frontier/mnist.py FOLDER                            # 2,000 and 10,000 sweeps, 10, 8, 6, 4 bits
    python benchmarks/frontier/mnist.py FOLDER --bits 6 --sweeps 100000   # as many sweeps as the study's longest
    python benchmarks/frontier/mnist.py FOLDER --search                   # what the settings were chosen from
    python benchmarks/frontier/mnist.py FOLDER --rtl 4                    # images on compiled RTL, bit for bit

FOLDER has weights.npz and the MNIST test files (mnist-dbm; GPL-3.0: measured with, nothing of it is kept). Each image
is a replica with its pixels clamped; the answer is the class whose label sites are up most often. Settings are chosen
on test images 0 to 999, and reported on the other 9,000 as well. Rows of docs/results/frontier_mnist.json are kept a
setting, a number of sweeps and a range of images, so a run that was cut goes on where it stood.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from frontier.mnist_network import PixelNetwork, Setting, clamps_of, images_of, means
from results import ROOT, write_results

from thermofab.hw.spec import Schedule, open_device
from thermofab.hw.spec.costs import COST_MODELS
from thermofab.sim.native.device import NativeDevice

NAME = "frontier_mnist"
DEVELOPMENT = 1000  # images that settings are chosen on
PIECE = 500  # images of a row
BATCH = 256
# By bits of a weight: the best that was searched at six bits and 10,000 sweeps. A warm and clipped network mixes soon,
# and gains nothing from many more sweeps: from MANY on, fewer weights are clipped and β is higher.
CHOSEN = {bits: Setting(bits, clip=2.5, beta=0.7) for bits in (10, 8, 6, 4)}
MANY = 50_000
CHOSEN_FOR_MANY = {bits: Setting(bits, clip=3.5, beta=0.85) for bits in (10, 8, 6, 4)}
SEARCHED = tuple(
    Setting(6, clip=clip, beta=beta, start=start)
    for clip in (2.0, 2.5, 3.0)
    for beta, start in ((0.6, 0.0), (0.7, 0.0), (0.8, 0.0), (0.8, 0.3))
)
SEARCH_SWEEPS = 10_000

Row = dict[str, Any]


def kept() -> dict[str, Any]:
    """What the file says so far."""
    path = ROOT / "docs" / "results" / f"{NAME}.json"
    return json.loads(path.read_text()) if path.exists() else {"rows": [], "rtl": []}


def name_of(row: Row) -> tuple[Any, ...]:
    """What a row is of: setting, sweeps, images."""
    return (*(row[key] for key in asdict(Setting())), row["sweeps"], row["first"], row["images"])


def pieces(first: int, images: int) -> Iterator[tuple[int, int]]:
    """``(first, count)`` of every row of ``images``."""
    for start in range(first, first + images, PIECE):
        yield start, min(PIECE, first + images - start)


def measured(
    network: PixelNetwork, setting: Setting, sweeps: int, images: np.ndarray, digits: np.ndarray, first: int,
    threads: int | None = None,
) -> Row:  # fmt: skip
    """The row of ``images``, of which the first is image ``first``."""
    device = NativeDevice(setting.image(network).fabric, threads=threads)
    device.load(setting.image(network))
    started, right = time.perf_counter(), 0
    for at in range(0, len(images), BATCH):
        found = means(network, setting, sweeps, images[at : at + BATCH], first + at, device).argmax(axis=1)
        right += int(np.sum(found == digits[at : at + BATCH]))
    seconds = time.perf_counter() - started
    updates = (network.topology.n_sites - len(network.pixels)) * sweeps
    reads = setting.phases(sweeps)[1].samples * network.labels.size
    return {
        **asdict(setting),
        "sweeps": sweeps,
        "first": first,
        "images": len(images),
        "right": right,
        "updates_per_image": updates,
        "seconds_per_image": seconds / len(images),
        # By the models of hw/spec/costs.py; none is measured.
        "modelled_joules_per_image": {
            model.name: model.joules(updates, reads, network.topology.n_sites) for model in COST_MODELS
        },
    }


def report(rows: Sequence[Row]) -> None:
    """Accuracy by setting and sweeps, on the development images and on the others, with 95% Wilson intervals."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        part = "development" if row["first"] < DEVELOPMENT else "others"
        groups.setdefault((*name_of(row)[:-2], part), []).append(row)
    for key, members in sorted(groups.items(), key=str):
        right, images = (sum(row[field] for row in members) for field in ("right", "images"))
        interval = binomtest(right, images).proportion_ci(method="wilson")
        setting = Setting(*key[: len(asdict(Setting()))])
        print(
            f"{setting.bits:>2} bits, clip {setting.clip:g}, β {setting.start or setting.beta:g} to {setting.beta:g}, "
            f"{key[-2]:>6} sweeps, {key[-1]:<11} {images:>5} images: {right / images:.2%} "
            f"({interval.low:.2%} to {interval.high:.2%}), "
            f"{np.mean([row['seconds_per_image'] for row in members]):.4f} s an image"
        )


def on_rtl(network: PixelNetwork, setting: Setting, images: np.ndarray, sweeps: int) -> Row:
    """``sweeps`` of every image on the compiled RTL of a systolic fabric; every site of every sweep compared with the
    native kernel's."""
    image = setting.image(network)
    built = time.perf_counter()
    device = open_device("rtl-systolic", image.fabric)
    built, started = time.perf_counter() - built, time.perf_counter()
    schedule, states = Schedule(1, sweeps, level=image.fabric.levels - 1), []
    for running in (device, open_device("native", image.fabric)):
        running.load(image)
        states.append(running.run(schedule, replicas=len(images), clamp=clamps_of(network, images)))
        if running is device:
            seconds = time.perf_counter() - started
    return {
        **asdict(setting),
        "architecture": "systolic",
        "images": len(images),
        "sweeps": sweeps,
        "build_seconds": built,
        "seconds": seconds,
        "cycles": states[0].ledger.cycles,
        "compared": int(states[0].sites.size),
        "differ": int(np.sum(states[0].sites != states[1].sites)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, default=0, help="image to begin with, a multiple of 500")
    parser.add_argument("--images", type=int, help="by default all from the first on")
    parser.add_argument("--bits", type=int, nargs="*", default=list(CHOSEN), choices=list(CHOSEN))
    parser.add_argument("--sweeps", type=int, nargs="*", default=[2_000, 10_000])
    parser.add_argument("--search", action="store_true")
    parser.add_argument("--rtl", type=int, default=0, metavar="N", help="N images on compiled RTL instead")
    parser.add_argument("--rtl-sweeps", type=int, default=20)
    parser.add_argument("--threads", type=int, help="by default one a processor")
    options = parser.parse_args()
    network, (images, digits) = PixelNetwork.load(options.folder), images_of(options.folder)
    first_image, most = options.first, len(images) - options.first
    count = most if options.images is None else options.images
    if first_image % PIECE or not 0 < count <= most:
        parser.error(f"images begin at a multiple of {PIECE} and are at most {len(images)}.")
    content = kept()
    rows, rtl = {name_of(row): row for row in content["rows"]}, content["rtl"]
    if options.rtl:
        rtl = [on_rtl(network, CHOSEN[6], images[: options.rtl], options.rtl_sweeps)]
        print(*rtl, sep="\n")
    todo = [
        ((CHOSEN if sweeps < MANY else CHOSEN_FOR_MANY)[bits], sweeps)
        for sweeps in options.sweeps
        for bits in options.bits
    ]
    if options.search:
        todo = [(setting, SEARCH_SWEEPS) for setting in SEARCHED]
        first_image, count = 0, DEVELOPMENT
    for setting, sweeps in [] if options.rtl else todo:
        for first, size in pieces(first_image, count):
            name = (*asdict(setting).values(), sweeps, first, size)
            if name not in rows:
                part = slice(first, first + size)
                rows[name] = measured(network, setting, sweeps, images[part], digits[part], first, options.threads)
                write_results(NAME, {"development": DEVELOPMENT, "rows": list(rows.values()), "rtl": rtl})
        report([row for name, row in rows.items() if name[:-2] == (*asdict(setting).values(), sweeps)])
    print(write_results(NAME, {"development": DEVELOPMENT, "rows": list(rows.values()), "rtl": rtl}))


if __name__ == "__main__":
    main()
