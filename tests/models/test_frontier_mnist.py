"""benchmarks/frontier: a generated network whose labels follow the pixels reads images, and a cut run goes on."""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import results
from frontier import mnist
from frontier.mnist_network import LEVELS, PixelNetwork, Setting, clamps_of, images_of, means

from thermofab.hw.spec import SpecError
from thermofab.sim.native.device import NativeDevice

CLASSES, SIDE = 10, 28


def folder_of(path: Path, images: int = 30) -> Path:
    """Image of digit d: some pixels of columns 2d and 2d + 1. Each of its label's two copies is coupled to all of
    these, edges in no order; weights differ by a factor of four, and one is far larger than the rest."""
    rng = np.random.default_rng(0)
    digits = rng.integers(0, CLASSES, images)
    pictures = np.zeros((images, SIDE, SIDE), np.uint8)
    for picture, digit in zip(pictures, digits):
        picture[:, 2 * digit : 2 * digit + 2] = rng.integers(0, 3, (SIDE, 2)) * 100
    n_pixels = SIDE * SIDE
    pixels, labels = np.arange(n_pixels) + 20, np.arange(20).reshape(2, CLASSES)
    pairs = [(20 + column * SIDE + row, labels[copy, column // 2]) for copy in range(2) for column in range(20)
             for row in range(SIDE)]  # fmt: skip
    edges = rng.permutation(np.array(pairs))
    couplings = rng.uniform(0.05, 0.2, len(edges)).astype(np.float32)
    couplings[0] = 2.0
    np.savez(
        path / "weights.npz", edges=edges, J=couplings, h=np.zeros(n_pixels + 20), pixels=pixels, labels=labels,
        colour=np.where(np.arange(n_pixels + 20) < 20, 1, 2),
    )  # fmt: skip
    (path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(16) + pictures.tobytes()))
    (path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(8) + digits.astype(np.uint8).tobytes()))
    return path


def test_images_are_read_by_columns_and_couplings_follow_their_edges(tmp_path):
    folder = folder_of(tmp_path)
    network, (images, digits) = PixelNetwork.load(folder), images_of(folder)
    with np.load(folder / "weights.npz") as file:
        given = {tuple(sorted(pair)): float(j) for pair, j in zip(file["edges"].tolist(), file["J"])}
    assert {tuple(e): j for e, j in zip(network.topology.edges.tolist(), network.couplings)} == pytest.approx(given)
    assert all(set(np.flatnonzero(x) // SIDE) == {2 * d, 2 * d + 1} for x, d in zip(images, digits))
    clamp = clamps_of(network, images)
    assert np.array_equal(clamp[:, network.pixels] == 1, images) and np.all(clamp[:, network.labels] == -1)
    with pytest.raises(SpecError, match=r"^images must be \[images, 784\], got \(30, 9\)"):
        clamps_of(network, images[:, :9])


@pytest.mark.parametrize("setting", [Setting(8), Setting(6, clip=0.2, beta=0.7), Setting(4, clip=0.2, start=0.3)])
def test_a_network_that_knows_answers(setting, tmp_path):
    """Fields of a label differ by some 5 of 2β per unit: right by far more than 1 - 1e-6."""
    folder = folder_of(tmp_path)
    network, (images, digits) = PixelNetwork.load(folder), images_of(folder)
    image = setting.image(network)
    step = (setting.clip or 2.0) / image.fabric.weight_max
    kept = np.minimum(network.couplings, setting.clip or np.inf)
    assert np.all(np.abs(image.weights * step - kept) <= step / 2 + 1e-9)
    device = NativeDevice(image.fabric)
    device.load(image)
    found = means(network, setting, 60, images, 0, device)
    assert np.array_equal(found.argmax(axis=1), digits)
    # An image's chain is its own, whatever runs beside it.
    assert np.array_equal(means(network, setting, 60, images[7:9], 7, device), found[7:9])


@pytest.mark.parametrize("start", [0.0, 0.3])
@pytest.mark.parametrize("sweeps", [7, 2000, 10_000, 100_000])
def test_sweeps_are_those_asked_for(sweeps, start):
    phases, reads = Setting(start=start).phases(sweeps)
    assert sum(count for count, _ in phases) + reads.lead + (reads.samples - 1) * reads.steps == sweeps
    assert reads.level == LEVELS - 1 and reads.samples >= 1 and all(count > 0 for count, _ in phases)


def test_a_run_that_was_cut_goes_on(tmp_path, monkeypatch, capsys):
    folder, repository = folder_of(tmp_path), tmp_path / "repository"
    repository.mkdir()
    for module in (results, mnist):
        monkeypatch.setattr(module, "ROOT", repository)
    monkeypatch.setattr(mnist, "PIECE", 10)
    monkeypatch.setattr(mnist, "CHOSEN", {8: Setting(8)})

    def run(*arguments: str) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", [str(repository / "mnist.py"), str(folder), "--sweeps", "40", *arguments])
        mnist.main()
        return json.loads((repository / "docs/results/frontier_mnist.json").read_text())

    first = run("--images", "20")
    assert [(row["first"], row["images"], row["right"]) for row in first["rows"]] == [(0, 10, 10), (10, 10, 10)]
    assert first["rows"][0]["updates_per_image"] == 40 * 20
    assert first["rows"][0]["modelled_joules_per_image"]["Z1"] > 0
    second = run("--images", "30")
    assert second["rows"][:2] == first["rows"] and len(second["rows"]) == 3
    assert "30 images: 100.00% (88.65% to 100.00%)" in capsys.readouterr().out
    assert "FOLDER" in second["command"] and str(folder) not in json.dumps(second)
