"""The emitted RTL as a device: compiled to native code, driven through its register bus and sample stream."""

from dataclasses import replace
from typing import Any

from thermofab.hw.host.driven import DrivenDevice
from thermofab.hw.host.driver import FabricDriver
from thermofab.hw.spec import DeviceInfo, FabricSpec, Image, UnsupportedError, check_image
from thermofab.sim.rtl.build import OPTIMISE, build_library
from thermofab.sim.rtl.library import CompiledFabric


class RtlDevice(DrivenDevice):
    """A fabric's Verilog, compiled by Verilator; the cycles of its ledger are measured.

    Args:
        fabric: the fabric; it is built here, once, and kept under ``$THERMOFAB_CACHE`` or ``~/.cache/thermofab``.
        optimise: g++'s level: ``"-O0"`` builds fastest, ``"-O2"`` runs fastest.
        ready, stall_seed: the reader takes a sample word in this share of the clocks only, drawn from the seed.
            Bits do not depend on it, cycles do.
        image: build a fabric with the weights and biases of this image fixed in it; it loads images with the same
            ones only.

    Raises:
        ToolMissingError: a tool is missing; the message says how to get it.
        DeviceError: the fabric's architecture has no RTL generator.
    """

    name = "rtl"
    engine = "verilator"

    def __init__(
        self,
        fabric: FabricSpec,
        *,
        optimise: str = OPTIMISE,
        ready: float = 1.0,
        stall_seed: int = 1,
        image: Image | None = None,
    ) -> None:
        built_in = None if image is None else check_image(image, fabric)
        library = build_library(fabric, self.engine, optimise, built_in)
        super().__init__(fabric, FabricDriver(fabric, CompiledFabric(library, ready, stall_seed), built_in))
        self._driver.check_identity()

    def info(self) -> DeviceInfo:
        said = f"the emitted RTL, compiled by {self.engine}"
        return DeviceInfo(self.name, self._fabric, True, said, (self._driver.contract,))


class CxxrtlDevice(RtlDevice):
    """The same RTL, compiled by Yosys' CXXRTL back end: needs g++ only, and is the better engine for memories."""

    name = "rtl-cxxrtl"
    engine = "cxxrtl"


class SystolicRtlDevice(RtlDevice):
    """The systolic fabric that computes the same bits, whatever architecture the spec names."""

    name = "rtl-systolic"

    def __init__(self, fabric: FabricSpec, **options: Any) -> None:
        if fabric.programmed:
            raise UnsupportedError(
                f"a systolic fabric updates its sites in its topology's order, and on a {fabric.architecture} fabric "
                "the order is the image's; use the device 'rtl'."
            )
        super().__init__(replace(fabric, architecture="systolic"), **options)
        self._fabric = fabric
