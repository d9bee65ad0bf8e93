"""Fabrics in tiles on the native kernel: the bits of :class:`thermofab.sim.tiles.TiledReference`."""

from thermofab.hw.spec import DeviceInfo, FabricSpec, Network, RunPlan
from thermofab.sim.chains import Chains
from thermofab.sim.native.device import NativeDevice
from thermofab.sim.native.library import NativeChains
from thermofab.sim.tiles import check_network, described


class TiledDevice(NativeDevice):
    """A fabric in tiles, in C++ compiled for this machine's processor; each replica runs in one thread.

    Args:
        fabric: the whole fabric.
        network: its tiles, and the link between them or ``None`` for exact mode.
        threads, plain, processor: as for :class:`NativeDevice`.

    Raises:
        SpecError: the network is of another topology, or the fabric's order of updates is the image's.
        UnsupportedError: at the start of a run, if the topology has factors or is too sparse for its layout.
    """

    name = "tiled"

    def __init__(
        self,
        fabric: FabricSpec,
        network: Network,
        *,
        threads: int | None = None,
        plain: bool = False,
        processor: str = "native",
    ) -> None:
        check_network(fabric, network)
        super().__init__(fabric, threads=threads, plain=plain, processor=processor)
        self._network = network

    def info(self) -> DeviceInfo:
        return DeviceInfo(self.name, self._fabric, self._network.is_exact, described(self._network))

    def _chains(self, plan: RunPlan) -> Chains:
        return NativeChains(self._library, plan, self._threads, self._network)
