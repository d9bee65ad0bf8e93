"""What a board says of itself when asked."""

from dataclasses import dataclass

from thermofab.hw.host import registers as rm
from thermofab.hw.link.frames import INFO_LINK_WORDS, INFO_REGISTERS, PROTOCOL_VERSION, Frame
from thermofab.hw.spec import DeviceError, FabricSpec, generator

# The octets of the WIDTHS registers, low first; the eighth is the words of generator state a site.
WIDTHS = ("weight_bits", "bias_bits", "table_bits", "threshold_bits", "dither_bits", "min_shift", "word_bits")


@dataclass(frozen=True)
class LinkInfo:
    """The answer to INFO.

    Attributes:
        protocol: version of the frames.
        data_words: words of data that a frame holds at most.
        awaited: sequence number of the next WRITE.
        come: w, index of the next sample word.
        divisor: clocks per bit.
        ring_words: sample words that the board keeps until they are acknowledged.
        clock_hz: of the fabric; 0 where the build did not say.
        map_id, map_version: of the register map.
        contract: version of the arithmetic contract that the fabric computes by.
        sites, edges, colours, levels: of the fabric.
        widths: its WIDTHS registers.
        digest: of its FabricSpec.
    """

    protocol: int
    data_words: int
    awaited: int
    come: int
    divisor: int
    ring_words: int
    clock_hz: int
    map_id: int
    map_version: int
    contract: int
    sites: int
    edges: int
    colours: int
    levels: int
    widths: tuple[int, int]
    digest: str

    @staticmethod
    def of(frame: Frame) -> "LinkInfo":
        """Out of an INFO answer.

        Raises:
            DeviceError: the board speaks another version of the protocol.
        """
        words = [int(word) for word in frame.words]
        protocol = words[0] & 0xFF if words else None
        if protocol != PROTOCOL_VERSION or len(words) != INFO_LINK_WORDS + INFO_REGISTERS:
            raise DeviceError(
                f"the board speaks version {protocol} of the link protocol in {len(words)} words, this driver speaks "
                f"version {PROTOCOL_VERSION} in {INFO_LINK_WORDS + INFO_REGISTERS}; build the board from this version."
            )
        head = words[INFO_LINK_WORDS:]
        map_version, contract = rm.versions_in(head[1])
        return LinkInfo(
            protocol=protocol,
            data_words=words[0] >> 8 & 0xFF,
            awaited=words[0] >> 16 & 0xFF,
            come=frame.number,
            divisor=words[1] & 0xFFFF,
            ring_words=words[1] >> 16,
            clock_hz=words[2],
            map_id=head[0],
            map_version=map_version,
            contract=contract,
            sites=head[2],
            edges=head[3],
            colours=head[4],
            levels=head[5],
            widths=(head[6], head[7]),
            digest="".join(f"{word:08x}" for word in head[8:16]),
        )

    def check(self, spec: FabricSpec) -> None:
        """Raise ``DeviceError``, naming what differs, unless this is the fabric of ``spec``."""
        rm.check_versions(self.map_id, self.map_version, self.contract)
        if self.digest == spec.digest:
            return
        wanted = {"sites": spec.n_sites, "edges": spec.topology.n_edges, "colours": spec.topology.n_colours}
        wanted |= {name: getattr(spec, name) for name in ("levels", *WIDTHS)}
        wanted["generator words"] = generator(spec.rng).state_words
        octets = b"".join(word.to_bytes(4, "little") for word in self.widths)
        found = dict(zip(wanted, (self.sites, self.edges, self.colours, self.levels, *octets)))
        different = [
            f"{name} {found[name]} where the spec has {value}" for name, value in wanted.items() if value != found[name]
        ]
        said = "; ".join(different) or "the sizes agree, but not the edges, the order of the sites or the generator"
        raise DeviceError(
            f"the fabric behind the port has digest {self.digest[:12]}…, but the spec has {spec.digest[:12]}…: {said}. "
            "Build the board from this spec, or open it with its own."
        )
