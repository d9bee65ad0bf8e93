"""Training the published digit network's graph on the device: contrastive divergence from nothing, at eight bits.

    python benchmarks/frontier/mnist_train.py FOLDER --epochs 20

FOLDER as in ``mnist.py``; of its weights only the graph and the roles of its sites are used. Only MNIST's test file is
at hand, so the first 9,000 of its images are trained on and the last 1,000 held out: not comparable with published
accuracy, which is from 60,000 images and another test set. Pixels and the five copies of the labels are visible, the
rest hidden; both phases are sampled at the integers the fabric holds. An image is read as in ``mnist.py``. After every
few epochs the held-out images are read; the accuracy reported is that of the last epoch, not the best.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from frontier.mnist_network import PixelNetwork, Setting, images_of, means
from results import write_results

import thermofab as fab
from thermofab.models.boltzmann import BoltzmannMachine, Connections, FabricSampler, Training, advance, start
from thermofab.sim.native.device import NativeDevice

TRAINED_ON, BITS = 9000, 8
READINGS = ((200, 1.0), (2000, 1.0), (2000, 0.7))  # sweeps and β


def visible_rows(images: np.ndarray, digits: np.ndarray, copies: int, classes: int) -> np.ndarray:
    """Pixels and copies of the label, bool ``[N, pixels + copies·classes]``."""
    return np.concatenate([images, np.tile(np.eye(classes, dtype=bool)[digits], copies)], axis=1)


def accuracy(network: PixelNetwork, setting: Setting, sweeps: int, images: np.ndarray, digits: np.ndarray) -> float:
    device = NativeDevice(setting.image(network).fabric, threads=1)
    device.load(setting.image(network))
    pieces = [
        means(network, setting, sweeps, images[at : at + 250], at, device).argmax(axis=1)
        for at in range(0, len(images), 250)
    ]
    return float(np.mean(np.concatenate(pieces) == digits))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--sweeps", type=int, default=10, help="of either phase and update")
    parser.add_argument("--rate", type=float, default=0.004, help="of Adam, falling to a twentieth")
    parser.add_argument("--clip", type=float, default=1.0, help="largest coupling: larger ones mix too slowly")
    parser.add_argument("--every", type=int, default=4, help="epochs between readings")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    network = PixelNetwork.load(asked.folder)
    images, digits = images_of(asked.folder)
    copies, classes = network.labels.shape
    connections = Connections(
        tuple(range(network.topology.n_sites)),
        network.topology.edges,
        np.concatenate([network.pixels, network.labels.reshape(-1)]),
    )
    rows = visible_rows(images[:TRAINED_ON], digits[:TRAINED_ON], copies, classes)
    updates = TRAINED_ON // asked.batch
    config = Training(
        method="pcd", steps=asked.epochs * updates, batch=asked.batch, replicas=asked.batch, sweeps=asked.sweeps,
        samples=2, clamped_sweeps=asked.sweeps, learning_rate=asked.rate, final_learning_rate=asked.rate / 20,
        clip=asked.clip, seed=asked.seed,
    )  # fmt: skip
    machine = BoltzmannMachine.random(connections, 0.02, asked.seed, rows)
    spec = fab.fabric(network.topology, weight_bits=BITS, bias_bits=BITS + 4)
    program = fab.compile(machine.ising(), spec, keep_zero=True, verify=False, tolerance=1.0)
    sampler = FabricSampler(program, fab.open_device("native", spec, threads=1))
    state, points, began = start(machine, config), [], time.perf_counter()
    for epoch in range(1, asked.epochs + 1):
        for _ in range(updates):
            state = advance(state, config, rows, sampler)
        if epoch % asked.every == 0 or epoch == asked.epochs:
            learnt = PixelNetwork.of(
                np.asarray(connections.edges), np.asarray(state.machine.couplings), np.asarray(state.machine.biases),
                network.pixels, network.labels,
            )  # fmt: skip
            held_out = (images[TRAINED_ON:], digits[TRAINED_ON:])
            points.append(
                {
                    "epoch": epoch,
                    "seconds": time.perf_counter() - began,
                    "held_out": [
                        {
                            "sweeps": k,
                            "beta": beta,
                            "right": accuracy(learnt, Setting(bits=BITS, beta=beta), k, *held_out),
                        }
                        for k, beta in READINGS
                    ],
                    "largest": float(np.abs(np.asarray(state.machine.couplings)).max()),
                }  # fmt: skip
            )
            print(points[-1], flush=True)
            write_results("frontier_mnist_train", {"bits": BITS, "epochs": asked.epochs, "points": points})


if __name__ == "__main__":
    main()
