"""The counters of moments after a run: the sums over the samples since they were cleared."""

import numpy as np
from cocotb.triggers import FallingEdge

from thermofab.hw.host import registers as rm
from thermofab.sim.cosim.bench.bus import Replay
from thermofab.sim.cosim.bench.fabric import FabricBench

DUMP = 1 << 3  # CONTROL of a systolic fabric: stream the counters out


async def check_counters(bench: FabricBench) -> None:
    """Of a run that counted."""
    assert bench.counted is not None
    spec, hit = bench.spec, bench.coverage.hit
    in_rounds, bits, most = bench.watched.in_rounds, spec.moment_bits, 2**spec.moment_bits - 1
    hit("moments: counted over two runs", bench.counted and bench.scoreboard.expected_samples)
    bench.counted += bench.scoreboard.expected_samples
    ones, both = bench.bus.loading.counters(await (_streamed(bench) if in_rounds else _read(bench)))
    taken = bench.counted[:most] if in_rounds else bench.counted
    states = np.array([[s >> k & 1 for k in range(spec.n_sites)] for s in taken], dtype=np.int64)
    states = states.reshape(len(taken), spec.n_sites)
    first, second = spec.topology.edges.T
    sums = states.sum(axis=0), (states[:, first] * states[:, second]).sum(axis=0)
    assert np.array_equal(ones, np.minimum(sums[0], most)), f"Σn in {bits} bits over {len(taken)} samples"
    assert np.array_equal(both, np.minimum(sums[1], most)), f"Σn·n in {bits} bits over {len(taken)} samples"
    over = len(bench.counted) > most if in_rounds else bool((sums[0] > most).any())
    full = bool(await bench.bus.read("ERRORS") & rm.ERROR_MOMENTS)
    assert full == over, f"a counter was {'not ' * (not over)}full, but ERRORS says otherwise"
    hit("moments: a counted run", len(taken))
    hit("moments: a counter full", over)
    hit("errors: ERRORS bit 3", full)
    if full:  # what comes later is counted no more, or where there is room only
        bench.counted = None
        await bench.bus.write("ERRORS", rm.ERROR_MOMENTS)


async def _streamed(bench: FabricBench) -> Replay:
    """The counters, streamed out."""
    sink = bench.sink
    sink.clear()
    sink.raw = True
    await bench.bus.write("CONTROL", DUMP)
    while bench.busy():
        await FallingEdge(bench.dut.clk)
    await FallingEdge(bench.dut.clk)
    sink.raw = False
    return Replay({}, sink.words)


async def _read(bench: FabricBench) -> Replay:
    """The counters, read from registers."""
    registers: dict[tuple[str, int], int] = {}
    for name in ("MOMENTS_SITES", "MOMENTS_EDGES"):
        for k in range(bench.bus.map[name].count if name in bench.bus.map.names else 0):
            registers[name, k] = await bench.bus.read(name, k)
    return Replay(registers, [])
