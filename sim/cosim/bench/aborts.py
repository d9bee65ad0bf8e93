"""An abort in mid-run: the sweep in hand is ended, the read-out is dropped, and the next run starts clean."""

from typing import cast

from cocotb.triggers import ClockCycles, FallingEdge

from thermofab.hw.host import registers as rm
from thermofab.sim.cosim.bench.fabric import FabricBench
from thermofab.sim.cosim.bench.ports import ShownPorts


async def abort(bench: FabricBench) -> None:
    """Abort the run in hand, at a random point of it or after its last sweep."""
    board, dut, in_rounds = bench.scoreboard, bench.dut, bench.watched.in_rounds
    await _random_point(bench)
    _cover(bench)
    bench.sink.dropping = True
    await bench.bus.write("CONTROL", rm.ABORT)
    each, spec = bench.clocks_per_sweep, bench.spec
    # A fabric without rounds ends with the sweep in hand, or when its counters are through with a sample.
    counting = spec.n_sites + spec.topology.n_edges + 4 if spec.moment_bits else 0
    for _ in range(2 * each + 40 if in_rounds else each + 20 + counting):
        await FallingEdge(dut.clk)
        assert in_rounds or not int(dut.sample_valid.value), "an abort drops the read-out"
    await bench.settle()
    assert not bench.busy(), "an abort ends the run"
    assert not int(dut.sample_valid.value), "an abort drops the read-out"
    bench.sink.dropping = False
    assert await bench.bus.read("STATUS") in (rm.ABORTED, rm.DONE), "aborted, unless it was over before"
    assert await bench.bus.read("SWEEPS") == board.sweeps, "an aborted run has done whole sweeps"
    if not in_rounds:
        await _stands_still(bench)
    await bench.bus.write("ERRORS", 0xF)
    bench.counted, bench.after_abort = None, True


async def _random_point(bench: FabricBench) -> None:
    """Weights are laid out before the first sweep, in many clocks: most aborts are to come after them."""
    board, dut, rng, when = bench.scoreboard, bench.dut, bench.rng, bench.rng.random()
    if when < 0.3:
        while not board.finished():
            await FallingEdge(dut.clk)
        return
    early = when > 0.8
    while not early and bench.busy() and not board.sweeps:
        await FallingEdge(dut.clk)
    for _ in range(int(rng.integers(1, (1 if early else 8) * bench.clocks_per_sweep))):
        await FallingEdge(dut.clk)


def _cover(bench: FabricBench) -> None:
    board, hit, busy = bench.scoreboard, bench.coverage.hit, bench.busy()
    phases = sum(max(1, sweeps) for sweeps, _ in bench.run.phases)
    swept = busy and board.sweeps > 0
    hit("abort: before the first sweep", busy and not board.sweeps)
    hit("abort: in the phases", swept and board.sweeps < phases)
    hit("abort: between samples", swept and phases <= board.sweeps and not board.finished())
    unread = len(bench.sink.samples) < len(board.expected_samples)
    hit("abort: after the last sweep, with samples to be read", busy and board.finished() and unread)


async def _stands_still(bench: FabricBench) -> None:
    dut, map_ = cast(ShownPorts, bench.dut), bench.bus.map
    still = int(dut.state.value)
    assert still == bench.scoreboard.state, "an aborted run has done whole sweeps"
    await ClockCycles(dut.clk, 5)
    await FallingEdge(dut.clk)
    assert int(dut.state.value) == still, "an aborted fabric stands still"
    if "STATES" in map_.names and map_["STATES"].access == "RW":
        words = [await bench.bus.read("STATES", k) for k in range(map_["STATES"].count)]
        assert words == [still >> (32 * k) & 0xFFFFFFFF for k in range(len(words))]
