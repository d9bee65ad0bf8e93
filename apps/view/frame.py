"""Frame: one picture of a run, and its bytes in a binary WebSocket message.

Little endian; N is the number of sites:

    bytes            what
    0…3              "TFV1"
    4…7    uint32    leg, from 0 after a restart
    8…15   uint64    sweeps of the leg
    16…19  uint32    restarts
    20…23  uint32    frames of the leg
    24…31  float64   energy of chain 0, in the model's units
    32…35  float32   share of chains whose copies agree, averaged like the marginals
    36…39  float32   seconds that the device took for the frame
    40…              states of chain 0: a bit per site, site 0 the lowest bit of the first byte, ceil(N/8) bytes
    then   uint8     a marginal per site: 255·P(+1), rounded
"""

import struct
from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec import SpecError

MAGIC = b"TFV1"
_HEAD = struct.Struct("<4sIQIIdff")


@dataclass(frozen=True, eq=False)
class Frame:
    """What is drawn.

    Attributes:
        leg, restarts: which leg of which run.
        sweeps: of the leg so far.
        count: frames of the leg so far.
        energy: of chain 0, in the model's units.
        agree: share of chains whose copies agree.
        seconds: that the device took.
        states: bool ``[N]``, of chain 0.
        marginals: uint8 ``[N]``, 255·P(+1).
    """

    leg: int
    restarts: int
    sweeps: int
    count: int
    energy: float
    agree: float
    seconds: float
    states: np.ndarray
    marginals: np.ndarray

    def to_bytes(self) -> bytes:
        """The message."""
        head = _HEAD.pack(
            MAGIC, self.leg, self.sweeps, self.restarts, self.count, self.energy, self.agree, self.seconds
        )
        return head + np.packbits(self.states, bitorder="little").tobytes() + self.marginals.tobytes()

    @staticmethod
    def from_bytes(data: bytes, n_sites: int) -> "Frame":
        """Inverse of :meth:`to_bytes`.

        Raises:
            SpecError: it is no frame of ``n_sites`` sites.
        """
        packed = -(-n_sites // 8)
        size = _HEAD.size + packed + n_sites
        if len(data) != size or data[:4] != MAGIC:
            raise SpecError(f"a frame of {n_sites} sites has {size} bytes and begins with TFV1; got {len(data)} bytes.")
        _, leg, sweeps, restarts, count, energy, agree, seconds = _HEAD.unpack_from(data)
        bits = np.frombuffer(data, np.uint8, packed, _HEAD.size)
        return Frame(
            leg, restarts, sweeps, count, energy, agree, seconds,
            states=np.unpackbits(bits, count=n_sites, bitorder="little").astype(bool),
            marginals=np.frombuffer(data, np.uint8, n_sites, _HEAD.size + packed),
        )  # fmt: skip
