"""What the parts of the link tell each other, each said from the side that gives."""

from amaranth.lib.wiring import In, Out, Signature

from thermofab.hw.link.frames import INDEX_BITS
from thermofab.hw.rtl.common.interfaces import SAMPLES

# A fabric's sample stream, as far as the link takes it: it counts words, and sees no ends of samples.
SAMPLE_WORDS = Signature({name: member for name, member in SAMPLES.members.items() if name != "last"})

# A request that waits, from the unframer to the engine.
REQUEST = Signature(
    {"full": Out(1), "words": Out(6), "place": In(8), "data": Out(8), "release": In(1), "refused": Out(1)}
)

# Words of an answer, from the engine to the framer.
ANSWER = Signature({"word": Out(32), "last": Out(1), "valid": Out(1), "ready": In(1)})

# Where the ring of samples stands, from the ring to the engine.
REPLAY = Signature(
    {
        "come": Out(INDEX_BITS),
        "sent": Out(INDEX_BITS),
        "unsent": Out(INDEX_BITS),
        "index": In(INDEX_BITS),
        "acknowledge": In(1),
        "rewind": In(1),
        "next": In(1),
    }
)
