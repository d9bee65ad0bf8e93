"""Would relay cells that add two bits per clock pay? Their area and clock rate beside those of cells that add one.

    python benchmarks/relays/two_bits.py    # minutes

The cell measured is the arithmetic of a site: the memory of masks, the adders with their carries, the wire and state.
With two bits per clock a word of the memory has two masks per neighbour, a wire two lines, and an adder two full adders
of which the second waits for the first. Both forms are placed and routed on the ECP5-85F out of context, and simulated
first: the sum on the wire is compared with Σ mask · neighbour. A colour then takes ceil(width/2) clocks for its field
where it took width; its ``2 · height + 5`` other clocks stay. docs/results/relays_two_bits.json.
"""

# Amaranth makes its context managers and interface members at run time; a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false

import sys
from pathlib import Path
from typing import Any

import numpy as np
from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from area import LOGIC
from results import write_results

from thermofab.hw.boards.out_of_context import measure
from thermofab.hw.boards.part import ECP5_85
from thermofab.hw.spec.clocks import RELAY_CLOCKS, RELAY_WIDTHS

DEGREES, WORDS, MEGAHERTZ = (8, 12), 16, 200.0
HEIGHTS = (2, 3, 4)


class Arithmetic(wiring.Component):
    """Σ over neighbours of mask & bits, ``bits`` of it per clock, lowest first.

    Ports:
        neighbours: their wires, ``bits`` lines each; begin: word 0 of the masks is added in the next clock.
        mask_write, mask_address, mask_data: a word of the memory; wire: the sum, a clock after its bits came.
    """

    begin: Signal
    neighbours: Signal
    mask_write: Signal
    mask_address: Signal
    mask_data: Signal
    wire: Signal

    def __init__(self, degree: int, bits: int) -> None:
        self._degree, self._bits = degree, bits
        super().__init__(
            {
                "begin": In(1),
                "neighbours": In(degree * bits),
                "mask_write": In(1),
                "mask_address": In(4),
                "mask_data": In(degree * bits),
                "wire": Out(bits),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        memory = m.submodules.masks = Memory(shape=self._degree * self._bits, depth=WORDS, init=[])
        write, read = memory.write_port(), memory.read_port(domain="comb")
        address = Signal(4)
        with m.If(self.begin):
            m.d.sync += address.eq(0)
        with m.Else():
            m.d.sync += address.eq(address + 1)
        m.d.comb += [
            write.addr.eq(self.mask_address),
            write.data.eq(self.mask_data),
            write.en.eq(self.mask_write),
            read.addr.eq(address),
        ]
        masked = [
            (self.neighbours.word_select(k, self._bits), read.data.word_select(k, self._bits))
            for k in range(self._degree)
        ]
        # Chains of four masked bits, then their sums, as the cell has them.
        sums = []
        for low in range(0, self._degree, 4):
            bits, mask = masked[low]
            total = bits & mask
            for bits, mask in masked[low + 1 : low + 4]:
                total = self._added(m, total, bits, mask)
            sums.append(total)
        while len(sums) > 1:
            sums = [*sums[2:], self._added(m, sums[0], sums[1], None)]
        m.d.sync += self.wire.eq(sums[0])
        return m

    def _added(self, m: Module, a: Any, b: Any, mask: Any) -> Any:
        """a + (b & mask) + the carry of the clock before: a full adder for each bit, the last carry kept."""
        kept = Signal(name="carry")
        carry: Any = kept
        total = []
        for k in range(self._bits):
            here = b[k] if mask is None else b[k] & mask[k]
            total.append(a[k] ^ here ^ carry)
            carry = (a[k] & here) | (carry & (a[k] ^ here))
        m.d.sync += kept.eq(carry & ~self.begin)
        return Cat(total)


def check(degree: int, bits: int, width: int = 12) -> None:
    """Simulate a sum of random numbers under random masks."""
    rng = np.random.default_rng(degree)
    masks = rng.integers(0, 1 << width, degree)
    ones = rng.integers(0, 2, degree)  # neighbours' states, on all their lines
    dut, found = Arithmetic(degree, bits), []

    async def drive(ctx: Any) -> None:
        for word in range(WORDS):
            parts = [int(mask) >> word * bits & (1 << bits) - 1 for mask in masks]
            ctx.set(dut.mask_address, word)
            ctx.set(dut.mask_data, sum(part << k * bits for k, part in enumerate(parts)))
            ctx.set(dut.mask_write, 1)
            await ctx.tick()
        ctx.set(dut.mask_write, 0)
        ctx.set(dut.neighbours, sum(((1 << bits) - 1) * int(one) << k * bits for k, one in enumerate(ones)))
        ctx.set(dut.begin, 1)
        await ctx.tick()
        ctx.set(dut.begin, 0)
        for _ in range(WORDS):
            await ctx.tick()
            found.append(ctx.get(dut.wire))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.run()
    total = sum(word << bits * k for k, word in enumerate(found))
    assert total == int(np.dot(masks, ones)), f"{bits} bits per clock: {total}, not {int(np.dot(masks, ones))}"


def main() -> None:
    rows = []
    for degree in DEGREES:
        for bits in (1, 2):
            check(degree, bits)
            report, wrapper = measure(lambda _, d=degree, b=bits: Arithmetic(d, b), ECP5_85, MEGAHERTZ)
            places = {place.kind: place.used for place in report.utilisation.places}
            rows.append(
                {
                    "degree": degree,
                    "bits": bits,
                    "lut4": places[LOGIC["ecp5"]] - wrapper.lut4,
                    "flip_flops": report.utilisation.flip_flops - wrapper.flip_flops,
                    "megahertz": round(min(clock.achieved_mhz for clock in report.clocks), 1),
                    "clocks": {height: -(-RELAY_WIDTHS[0] // bits) + 2 * height + RELAY_CLOCKS for height in HEIGHTS},
                }
            )
            print(rows[-1], flush=True)
    write_results("relays_two_bits", {"rows": rows})


if __name__ == "__main__":
    main()
