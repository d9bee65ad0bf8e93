"""A million sites as 64 tiles, beside the same fabric as one, in the same run: updates per second and memory.

    python benchmarks/tiles/million.py

One replica, so one thread. Each row is measured in turn, the whole list so many rounds; the median of the rounds is
given. Memory is what a process of its own grows by when the chains of a row are made.
Writes docs/results/tiles_million.json.
"""

import gc
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import write_results

from thermofab.hw.spec import FREE, Image, Link, Network, Tiling, fabric, sigmoid_table
from thermofab.sim.chains import Chains
from thermofab.sim.native.device import NativeDevice
from thermofab.sim.native.sites import site_layout
from thermofab.sim.native.tiles import TiledDevice

SIDE, TILES, SWEEPS, ROUNDS = 1024, 8, 200, 5
ONE = "one chip"
LINKS = {
    "exact": None,
    "period 1, latency 2": Link(latency=2),
    "period 1, latency 32": Link(latency=32),
    "period 8": Link(period=8),
    "held, period 8, latency 8": Link(period=8, latency=8, hold=True),
    "8 bits of 128": Link(bits=8),
}


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def image_of() -> Image:
    """A ±1 glass."""
    spec = fabric(f"g4-{SIDE}x{SIDE}-torus", levels=1)
    signs = np.random.default_rng(1).choice([-1, 1], spec.topology.n_edges)
    return Image(
        fabric=spec,
        weights=16 * signs,
        biases=np.zeros(spec.n_sites, dtype=int),
        tables=sigmoid_table(spec, 1.0 / 16, 4)[None],
        shift=4,
        clamps=np.full(spec.n_sites, FREE),
    )


def device_of(name: str, image: Image, tiling: Tiling) -> NativeDevice:
    if name == ONE:
        return NativeDevice(image.fabric)
    return TiledDevice(image.fabric, Network(tiling, LINKS[name]))


def memory_of(name: str) -> int:
    """Bytes that a process grows by when it makes the chains of one row, and sweeps once; in a process of its own."""
    done = subprocess.run([sys.executable, __file__, "--memory", name], capture_output=True, text=True, check=True)
    return int(done.stdout)


def print_memory(name: str) -> None:
    image = image_of()
    tiling = Tiling.blocks(image.fabric.topology, (TILES, TILES))
    device = device_of(name, image, tiling)
    device.load(image)
    # What the topology and its tiles are asked for first is theirs, not the chains'.
    _ = tiling.boundaries, image.fabric.topology.neighbour_table, site_layout(image.fabric.topology)
    gc.collect()
    before = resident()
    chains = device.start()
    chains.advance(((1, 0),))
    print(resident() - before)


def main() -> None:
    image = image_of()
    spec = image.fabric
    tiling = Tiling.blocks(spec.topology, (TILES, TILES))
    ghosts = sum(boundary.size for boundary in tiling.boundaries)
    chains: dict[str, Chains] = {}
    for name in (ONE, *LINKS):
        device = device_of(name, image, tiling)
        device.load(image)
        chains[name] = device.start()
        chains[name].advance(((1, 0),))
    rates: dict[str, list[float]] = {name: [] for name in chains}
    for _ in range(ROUNDS):
        for name, running in chains.items():
            started = time.perf_counter()
            running.advance(((SWEEPS, 0),))
            rates[name].append(SWEEPS * spec.n_sites / (time.perf_counter() - started))
    agree = bool(np.array_equal(chains["exact"].states(), chains[ONE].states()))
    rows = []
    for name, found in rates.items():
        rate, megabytes = float(np.median(found)), round(memory_of(name) / 1e6, 1)
        rows.append({"what": name, "updates_per_second": rate, "megabytes": megabytes})
        print(f"{name:<28}{rate / 1e9:8.3f} updates per ns{megabytes:10.1f} MB", flush=True)
    about = {"sites": spec.n_sites, "tiles": tiling.n_tiles, "links": len(tiling.boundaries), "ghosts": ghosts}
    print("exact tiles have the bits of one chip:", agree)
    about |= {"sweeps": SWEEPS, "rounds": ROUNDS, "same_bits": agree}
    print(write_results("tiles_million", {**about, "rows": rows}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--memory"]:
        print_memory(sys.argv[2])
    else:
        main()
