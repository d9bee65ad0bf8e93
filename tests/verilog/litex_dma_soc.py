"""Run by LiteX' Python beside a kit: an SoC with the kit's ``Tsu``, whose samples a DMA of LiteX takes to a memory."""

# Amaranth makes its context managers and interface members at run time; a type checker cannot see them.
# pyright: reportOperatorIssue=false

import sys

from litex.build.io import CRG  # pyright: ignore[reportMissingImports]
from litex.soc.cores.dma import WishboneDMAWriter  # pyright: ignore[reportMissingImports]
from litex.soc.integration.builder import Builder  # pyright: ignore[reportMissingImports]
from litex.soc.integration.soc import SoCRegion  # pyright: ignore[reportMissingImports]
from litex.soc.integration.soc_core import SoCMini  # pyright: ignore[reportMissingImports]
from litex.soc.interconnect import wishbone  # pyright: ignore[reportMissingImports]
from litex_soc import Pads, Tsu  # pyright: ignore[reportMissingImports]


class DmaSoc(SoCMini):
    def __init__(self, platform):
        self.crg = CRG(platform.request("clk"), platform.request("rst"))
        SoCMini.__init__(self, platform, int(100e6))

        master = wishbone.Interface(data_width=32, address_width=32, addressing="word")
        self.comb += master.connect_to_pads(platform.request("wb"), mode="slave")
        self.bus.add_master("pads", master)

        self.memory = wishbone.SRAM(0x400)
        self.bus.add_slave("memory", self.memory.bus, SoCRegion(origin=0x10000000, size=0x400, cached=False))

        self.tsu = Tsu(platform, 4, with_csr=False)
        self.bus.add_slave("tsu", self.tsu.bus, SoCRegion(origin=0x90000000, size=Tsu.SIZE, cached=False))
        writer = wishbone.Interface(data_width=32, address_width=32, addressing="word")
        self.dma = WishboneDMAWriter(writer, endianness="big", with_csr=True)  # "little" turns the bytes round
        self.bus.add_master("dma", self.dma.bus)
        # The DMA ends where it sees `last`; a run is many packets.
        self.comb += self.tsu.source.connect(self.dma.sink, omit=["last", "cut"])


Builder(DmaSoc(Pads()), output_dir=sys.argv[1], compile_software=False, compile_gateware=False).build()
