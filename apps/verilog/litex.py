"""The fabric as a module of LiteX, and a small SoC around it: the text of ``litex_soc.py``."""

from thermofab.hw.host.registers import RegisterMap

TEXT = '''\
"""The fabric {name} as a module of LiteX, and a small SoC around it, whose Verilog this writes.

    python litex_soc.py --output-dir build

The SoC has no processor: a Wishbone master outside it is on its pins. In an SoC of yours, on a board of yours:

    from litex_soc import Tsu

    self.tsu = Tsu(platform)
    self.bus.add_slave("tsu", self.tsu.bus, SoCRegion(origin=0x90000000, size=Tsu.SIZE, cached=False))

Tried with LiteX 2024.12.
"""

import argparse
import os

from litex.build.generic_platform import GenericPlatform, Pins, Subsignal
from litex.build.io import CRG
from litex.gen import LiteXModule
from litex.soc.integration.builder import Builder
from litex.soc.integration.soc import SoCRegion
from litex.soc.integration.soc_core import SoCMini
from litex.soc.interconnect import stream, wishbone
from litex.soc.interconnect.csr import CSRField, CSRStatus
from migen import ClockSignal, Instance, ResetSignal, Signal

HERE = os.path.dirname(os.path.abspath(__file__))


class Tsu(LiteXModule):
    """The fabric's registers on `bus`, its samples in a FIFO that a program reads by CSRs.

    A full FIFO stops the fabric and loses nothing. For a DMA, `Tsu(platform, with_csr=False)` leaves `source` to you, a
    stream of `data`, `last` and `cut`: `last` ends a sample, with `cut` one that an abort cut short. LiteX' own
    WishboneDMAWriter stops at `last`, and turns bytes round unless made with endianness="big":

        self.comb += self.tsu.source.connect(self.dma.sink, omit=["last", "cut"])
    """

    SIZE = 0x{size:x}  # bytes of the region

    def __init__(self, platform, fifo_depth=512, with_csr=True):
        self.bus = bus = wishbone.Interface(data_width=32, address_width=32, addressing="word")
        self.busy = Signal()

        fifo = stream.SyncFIFO([("data", 32), ("cut", 1)], fifo_depth, buffered=True)
        self.fifo = fifo
        self.source = fifo.source

        ack, err = Signal(), Signal()
        # LiteX' masters look at `err` where they see `ack`, so that a refusal has both.
        self.comb += [bus.ack.eq(ack | err), bus.err.eq(err)]
        self.specials += Instance(
            "{name}_wishbone",
            i_clk=ClockSignal("sys"),
            i_rst=ResetSignal("sys"),
            i_wb_cyc=bus.cyc,
            i_wb_stb=bus.stb,
            i_wb_we=bus.we,
            i_wb_adr=bus.adr[:{address_bits}],
            i_wb_sel=bus.sel,
            i_wb_dat_w=bus.dat_w,
            o_wb_dat_r=bus.dat_r,
            o_wb_ack=ack,
            o_wb_err=err,
            o_samples_tvalid=fifo.sink.valid,
            i_samples_tready=fifo.sink.ready,
            o_samples_tdata=fifo.sink.data,
            o_samples_tlast=fifo.sink.last,
            o_samples_tuser=fifo.sink.cut,
            o_busy=self.busy,
        )
        platform.add_sources(HERE, "{name}.v", "{name}_wishbone.v")
        if with_csr:
            self.add_csr(fifo)

    def add_csr(self, fifo):
        source = fifo.source
        self.sample = CSRStatus(32, description="The FIFO's next word; reading takes it.")
        self.level = CSRStatus(
            description="What the FIFO holds.",
            fields=[
                CSRField("words", size=16, description="Words in the FIFO."),
                CSRField("last", size=1, description="The next word is the last one of its sample."),
                CSRField("cut", size=1, description="The next word ends a sample that an abort cut short."),
            ],
        )
        self.comb += [
            self.sample.status.eq(source.data),
            source.ready.eq(self.sample.we),
            self.level.fields.words.eq(fifo.level),
            self.level.fields.last.eq(source.valid & source.last),
            self.level.fields.cut.eq(source.valid & source.cut),
        ]


class Pads(GenericPlatform):
    """A platform of no vendor: its build ends with the Verilog."""

    def __init__(self):
        bus = wishbone.Interface(data_width=32, address_width=32, addressing="word")
        GenericPlatform.__init__(self, "", [("clk", 0, Pins(1)), ("rst", 0, Pins(1)), *bus.get_ios("wb")], name="soc")

    def build(self, module, build_dir, build_name, **_):
        fragment = module.get_fragment()
        self.finalize(fragment)
        # A block for each signal: Icarus does not settle where a block reads what it assigns.
        verilog = self.get_verilog(fragment, name=build_name, regular_comb=False)
        verilog.write(os.path.join(build_dir, build_name + ".v"))
        return verilog.ns


class Soc(SoCMini):
    """CSRs, the fabric, and a Wishbone master on the pins."""

    def __init__(self, platform, clk_freq=int(100e6), origin=0x90000000, fifo_depth=512):
        self.crg = CRG(platform.request("clk"), platform.request("rst"))
        SoCMini.__init__(self, platform, clk_freq)

        master = wishbone.Interface(data_width=32, address_width=32, addressing="word")
        self.comb += master.connect_to_pads(platform.request("wb"), mode="slave")
        self.bus.add_master("pads", master)

        self.tsu = Tsu(platform, fifo_depth)
        self.bus.add_slave("tsu", self.tsu.bus, SoCRegion(origin=origin, size=Tsu.SIZE, cached=False))


def main():
    parser = argparse.ArgumentParser(description="Writes the Verilog of an SoC with the fabric {name}, and its maps.")
    parser.add_argument("--output-dir", default="build", help="gets gateware/soc.v, csr.csv, csr.json and C headers")
    parser.add_argument("--origin", default=0x90000000, type=lambda text: int(text, 0), help="address of the fabric")
    parser.add_argument("--fifo-depth", default=512, type=int, help="words")
    arguments = parser.parse_args()
    soc = Soc(Pads(), origin=arguments.origin, fifo_depth=arguments.fifo_depth)
    Builder(soc, output_dir=arguments.output_dir, compile_software=False, compile_gateware=False).build()


if __name__ == "__main__":
    main()
'''


def litex_soc(name: str, registers: RegisterMap) -> str:
    """Python for LiteX: a module and a SoC around the Verilog module ``{name}_wishbone``."""
    return TEXT.format(name=name, address_bits=registers.address_bits, size=4 << registers.address_bits)
