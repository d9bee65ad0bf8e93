"""A million sites as 64 tiles, beside the same fabric as one, in the same run: updates per second and memory.

    python benchmarks/tiles/million.py

One replica, so one thread. Each row is measured in turn, the whole list so many rounds; the median of the rounds is
given. Memory is what the process grew by when the chains were made. Writes docs/results/tiles_million.json.
"""

import gc
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import write_results

from thermofab.hw.spec import FREE, Image, Link, Network, Tiling, fabric, open_device, sigmoid_table
from thermofab.sim.native.tiles import TiledDevice

SIDE, TILES, SWEEPS, ROUNDS = 1024, 8, 200, 5
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


def main() -> None:
    spec = fabric(f"g4-{SIDE}x{SIDE}-torus", levels=1)
    signs = np.random.default_rng(1).choice([-1, 1], spec.topology.n_edges)
    image = Image(
        fabric=spec,
        weights=16 * signs,
        biases=np.zeros(spec.n_sites, dtype=int),
        tables=sigmoid_table(spec, 1.0 / 16, 4)[None],
        shift=4,
        clamps=np.full(spec.n_sites, FREE),
    )
    tiling = Tiling.blocks(spec.topology, (TILES, TILES))
    ghosts = sum(boundary.size for boundary in tiling.boundaries)
    devices = {"one chip": open_device("native", spec)}
    devices |= {name: TiledDevice(spec, Network(tiling, link)) for name, link in LINKS.items()}
    chains, memory = {}, {}
    for warm in devices.values():
        warm.load(image)
        warm.start().advance(((1, 0),))
    for name, device in devices.items():
        gc.collect()
        before = resident()
        chains[name] = device.start()
        chains[name].advance(((1, 0),))
        memory[name] = resident() - before
    agree = bool(np.array_equal(chains["exact"].states(), chains["one chip"].states()))
    rates: dict[str, list[float]] = {name: [] for name in chains}
    for _ in range(ROUNDS):
        for name, running in chains.items():
            started = time.perf_counter()
            running.advance(((SWEEPS, 0),))
            rates[name].append(SWEEPS * spec.n_sites / (time.perf_counter() - started))
    agree = agree and bool(np.array_equal(chains["exact"].states(), chains["one chip"].states()))
    rows = [
        {"what": name, "updates_per_second": float(np.median(found)), "megabytes": round(memory[name] / 1e6, 1)}
        for name, found in rates.items()
    ]
    for row in rows:
        print(f"{row['what']:<28}{row['updates_per_second'] / 1e9:8.3f} updates per ns{row['megabytes']:10.1f} MB")
    about = {"sites": spec.n_sites, "tiles": tiling.n_tiles, "links": len(tiling.boundaries), "ghosts": ghosts}
    print("exact tiles have the bits of one chip:", agree)
    print(
        write_results("tiles_million", {**about, "sweeps": SWEEPS, "rounds": ROUNDS, "same_bits": agree, "rows": rows})
    )


if __name__ == "__main__":
    main()
