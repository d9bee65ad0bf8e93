"""What a host should not do: it is flagged in ERRORS and changes nothing."""

from cocotb.triggers import FallingEdge

from thermofab.hw.host import registers as rm
from thermofab.sim.cosim.bench.fabric import FabricBench
from thermofab.sim.cosim.coverage import locked_registers


async def reject_writes(bench: FabricBench) -> None:
    """Writes to locked registers and a second start, in mid-run."""
    bus, hit = bench.bus, bench.coverage.hit
    for name in bench.rng.permutation(locked_registers(bus.map.names)).tolist():
        await bus.write(name, int(bench.rng.integers(2**32)))
        assert bench.busy(), "the run was not long enough for all these writes"
        assert await bus.read("ERRORS") & rm.ERROR_BUSY, f"{name} written in mid-run is flagged"
        await bus.write("ERRORS", rm.ERROR_BUSY | rm.ERROR_VALUE)
        hit(f"locked in mid-run: {name}")
        hit("errors: ERRORS bit 0: a locked write")
    await bus.write("CONTROL", rm.START)
    assert await bus.read("ERRORS") == rm.ERROR_BUSY, "a start during a run is flagged"
    hit("errors: ERRORS bit 0: a start during a run")
    assert bench.busy(), "the run was long enough for all these writes"
    await bus.write("ERRORS", rm.ERROR_BUSY)


async def wrong_accesses(bench: FabricBench) -> None:
    """Between runs: values out of range, addresses and directions that do not exist, and an abort."""
    write, read, hit = bench.bus.write, bench.bus.read, bench.coverage.hit
    for name in ("LEVEL", "PHASES", "MASK", "PHASE_LEVEL"):
        await write(name, int(bench.rng.integers(2**6, 2**32)))
        assert await read("ERRORS") == rm.ERROR_VALUE, f"{name} out of range is flagged"
        await write("ERRORS", rm.ERROR_VALUE)
    hit("errors: ERRORS bit 2")
    await write("STATUS", 0)
    assert await read("ERRORS") == rm.ERROR_ADDRESS, "a write to a register that is only read is flagged"
    await write("ERRORS", rm.ERROR_ADDRESS)
    hit("errors: ERRORS bit 1: a write")
    await read("SEED")
    assert await read("ERRORS") == rm.ERROR_ADDRESS, "a read of a register that is only written is flagged"
    await write("ERRORS", rm.ERROR_ADDRESS)
    hit("errors: ERRORS bit 1: a read")
    status = await read("STATUS")
    for register in bench.bus.map.registers:
        for k in range(min(register.count, 4)):
            bench.dut.bus_address.value = register.at(k)
            await FallingEdge(bench.dut.clk)
            assert int(bench.dut.bus_read_data.value) == status, "data stay until the next read"
    await write("CONTROL", rm.ABORT)
    assert await read("STATUS") == status, "an abort while idle changes nothing"
    hit("abort: while idle")
    await write("CONTROL", rm.START | rm.ABORT)
    assert not bench.busy(), "an abort wins over a start"
    hit("abort: with a start in the same write")
    assert await read("ERRORS") == 0
