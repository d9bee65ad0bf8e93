"""Octets to frames and back, bursts, waiting times, ports by URL: everything of the driver that needs no board."""

import binascii
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermofab.hw.host import registers as rm
from thermofab.hw.link import port as port_module
from thermofab.hw.link.bursts import bursts
from thermofab.hw.link.cobs import cobs_decode, cobs_encode
from thermofab.hw.link.frames import (
    CRC_POLYNOMIAL,
    CRC_RESIDUE,
    DATA_WORDS,
    INCREMENT,
    Deframer,
    Frame,
    Kind,
    answer,
    parse,
    request,
    seal,
    unseal,
)
from thermofab.hw.link.info import LinkInfo
from thermofab.hw.link.patience import Patience
from thermofab.hw.link.port import PortAddress, open_port, port_address
from thermofab.hw.spec import DeviceError, ToolMissingError, fabric, open_device
from thermofab.sim.rtl.line import FAULTS, hit

SPEC = fabric("g4-4x4-torus")
mostly_zeros = st.lists(st.sampled_from([0, 0, 1, 2, 255]), max_size=700).map(bytes)
words = st.lists(st.integers(0, 2**32 - 1), max_size=DATA_WORDS)


@given(st.binary(max_size=700) | mostly_zeros | st.integers(250, 520).map(lambda n: b"\1" * n))
def test_stuffing_has_an_inverse_and_no_zeros(content):
    stuffed = cobs_encode(content)
    assert 0 not in stuffed
    assert len(stuffed) <= len(content) + 1 + len(content) // 254
    assert cobs_decode(stuffed) == content


@pytest.mark.parametrize(
    "content, stuffed",
    [
        (b"", b"\x01"),
        (b"\0", b"\x01\x01"),
        (b"\0\0", b"\x01\x01\x01"),
        (b"\x11\x22\0\x33", b"\x03\x11\x22\x02\x33"),
        (b"\x11\0\0\0", b"\x02\x11\x01\x01\x01"),
        (bytes(range(1, 255)), b"\xff" + bytes(range(1, 255))),
        (b"\0" + bytes(range(1, 255)), b"\x01\xff" + bytes(range(1, 255))),
        (bytes(range(1, 256)), b"\xff" + bytes(range(1, 255)) + b"\x02\xff"),
        (bytes(range(2, 256)) + b"\0", b"\xff" + bytes(range(2, 256)) + b"\x01\x01"),
        (bytes(range(3, 256)) + b"\0\x01", b"\xfe" + bytes(range(3, 256)) + b"\x02\x01"),
    ],
)
def test_published_examples_of_stuffing(content, stuffed):
    assert cobs_encode(content) == stuffed


@given(st.binary(max_size=300))
def test_unstuffing_takes_any_octets(octets):
    content = cobs_decode(octets)
    assert content is None or cobs_decode(cobs_encode(content)) == content
    assert content is not None or 0 in octets or not octets or _runs_out(octets)


def _runs_out(octets: bytes) -> bool:
    place = 0
    while place < len(octets):
        place += octets[place]
    return place > len(octets)


def test_the_residue_is_that_of_the_polynomial():
    register = 0xFFFFFFFF
    for octet in b"any content" + binascii.crc32(b"any content").to_bytes(4, "little"):
        register ^= octet
        for _ in range(8):
            register = register >> 1 ^ (CRC_POLYNOMIAL if register & 1 else 0)
    assert register == CRC_RESIDUE
    assert binascii.crc32(b"123456789") == 0xCBF43926


@given(st.sampled_from(Kind), st.booleans(), st.integers(0, 255), st.integers(0, 65535), words)
def test_answers_come_back(kind, busy, tag, number, data):
    frame = Frame(kind, busy, tag, number, np.array(data, dtype=np.uint32))
    [stuffed] = Deframer().feed(answer(frame))
    got = parse(stuffed)
    assert got is not None
    assert (got.kind, got.busy, got.tag, got.number, got.words.tolist()) == (kind, busy, tag, number, data)


@given(words, st.integers(0, 2**32 - 1), st.booleans(), st.integers(0, 255))
def test_requests_are_words_with_a_check(data, address, increment, tag):
    octets = request(Kind.WRITE, tag, address=address, increment=increment, data=np.array(data, "<u4").tobytes())
    assert octets[0] == 0 and octets[-1] == 0 and octets.count(0) == 2 and len(octets) <= 256
    content = unseal(octets[1:-1])
    assert content is not None
    assert content[:8] == bytes([1 | INCREMENT * increment, tag, 0, 0]) + address.to_bytes(4, "little")
    assert np.frombuffer(content[8:], "<u4").tolist() == data


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.integers(0, 2**32), st.data())
def test_frames_are_found_however_the_stream_is_cut(contents, seed, data):
    stream = b"".join(seal(content * 4) for content in contents)
    deframer, found, rng = Deframer(), [], random.Random(seed)
    while stream:
        cut = rng.randint(1, 30)
        found += deframer.feed(stream[:cut])
        stream = stream[cut:]
    assert [unseal(stuffed) for stuffed in found] == [c * 4 if len(c) else None for c in contents]


@given(words, st.sampled_from(FAULTS), st.integers(0, 2**32))
def test_a_damaged_frame_is_refused_or_whole(data, fault, seed):
    """Whatever a fault does, what is parsed afterwards is the frame itself or nothing."""
    frame = Frame(Kind.DATA, True, 7, 99, np.array(data, dtype=np.uint32))
    whole = answer(frame)
    for stuffed in Deframer().feed(hit(whole, fault, random.Random(seed)) + b"\0"):
        got = parse(stuffed)
        assert got is None or stuffed + b"\0" == whole


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 90), st.sampled_from([0, 1, 2, -1]))))
def test_bursts_are_the_writes_in_order(runs):
    where = [start + step * k for start, count, step in runs for k in range(count) if start + step * k >= 0]
    what = list(range(1000, 1000 + len(where)))
    done = []
    for burst in bursts(np.array(where), np.array(what)):
        data = np.frombuffer(burst.data, "<u4").tolist()
        assert 1 <= len(data) <= DATA_WORDS
        done += [(burst.address + k * burst.increment, word) for k, word in enumerate(data)]
    assert done == list(zip(where, what))


def test_bursts_are_few():
    """Arrays, and runs into one port, take a frame each 60 words."""
    for where in (np.arange(600), np.full(600, 24)):
        assert len(list(bursts(where, np.zeros(600)))) == 10
    assert [(b.address, b.increment, len(b.data)) for b in bursts(np.array([5, 5, 5, 6, 7, 9]), np.zeros(6))] == [
        (5, False, 12), (6, True, 8), (9, True, 4),
    ]  # fmt: skip
    assert list(bursts(np.array([3]), np.array([-1])))[0].data == b"\xff" * 4


@pytest.mark.parametrize(
    "where, what, sentence",
    [
        ([1, 2], [1], r"^a write needs an address for each word, got 2 addresses and 1 words\.$"),
        ([2**32], [1], r"^addresses lie in 0…2\^32-1, got 4294967296\.$"),
    ],
)
def test_bad_writes_are_refused(where, what, sentence):
    with pytest.raises(DeviceError, match=sentence):
        list(bursts(np.array(where), np.array(what)))


def test_patience_follows_the_line():
    patience = Patience(0.5, least=0.01, most=3.0)
    assert [patience.seconds(k) for k in (1, 2, 3, 4, 99)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    for _ in range(50):
        patience.answered(0.1)
    assert 0.1 < patience.seconds() < 0.11
    patience.answered(0.5)
    assert patience.seconds() > 0.4
    for _ in range(50):
        patience.answered(1e-5)
    assert patience.seconds() == 0.01


@pytest.mark.parametrize(
    "url, address",
    [
        ("serial:///dev/ttyUSB0", PortAddress("/dev/ttyUSB0", 1_000_000)),
        ("serial:///dev/pts/3?baud=3000000", PortAddress("/dev/pts/3", 3_000_000)),
        ("serial://COM3?baud=115200", PortAddress("COM3", 115_200)),
    ],
)
def test_ports_have_names(url, address):
    assert port_address(url) == address


@pytest.mark.parametrize(
    "url, sentence",
    [
        ("serial://", r"^a serial device is named like 'serial:///dev/ttyUSB0\?baud=3000000', got 'serial://'\.$"),
        ("serial:///dev/x?baud=fast", r"^baud must be a positive integer of bits per second, got 'fast' in "),
        ("serial:///dev/x?baud=0", r"^baud must be a positive integer of bits per second, got '0' in "),
        ("serial:///dev/x?parity=even", r"^unknown option 'parity' in .*; the only one is baud, as in "),
        ("serial:///dev/does-not-exist", r"^the serial port '/dev/does-not-exist' cannot be opened at 1000000 baud: .*"
                                         r"check that the board is plugged in"),
    ],
)  # fmt: skip
def test_bad_ports_are_refused(url, sentence):
    with pytest.raises(DeviceError, match=sentence):
        open_device(url, SPEC)


def test_a_device_without_a_port():
    with pytest.raises(DeviceError, match=r"^a serial device needs its port: open_device\('serial:///dev/ttyUSB0'"):
        open_device("serial", SPEC)


def test_without_pyserial(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(port_module.importlib, "import_module", missing)
    with pytest.raises(ToolMissingError, match=r"install it with: pip install 'thermofab\[serial\]'$"):
        open_port(PortAddress("/dev/ttyUSB0"))


def info_words(spec, **changes) -> np.ndarray:
    """INFO's answer from a board of ``spec``, with some of its words changed."""
    head = [rm.ID, rm.VERSION, spec.n_sites, spec.topology.n_edges, spec.topology.n_colours, spec.levels]
    head += [int.from_bytes(bytes(octets), "little") for octets in ((8, 12, 8, 12), (4, 0, 16, 2))]
    head += [int(spec.digest[k : k + 8], 16) for k in range(0, 64, 8)]
    found = [1 | 60 << 8 | 17 << 16, 8 | 256 << 16, 12_000_000, *head]
    for place, word in changes.items():
        found[int(place[1:])] = word
    return np.array(found, dtype=np.uint32)


def info(words: np.ndarray) -> LinkInfo:
    return LinkInfo.of(Frame(Kind.INFO, False, 0, 4000, words))


def test_a_board_says_who_it_is():
    said = info(info_words(SPEC))
    assert (said.protocol, said.data_words, said.awaited, said.come) == (1, 60, 17, 4000)
    assert (said.divisor, said.ring_words, said.clock_hz) == (8, 256, 12_000_000)
    assert (said.sites, said.edges, said.colours, said.levels) == (16, 32, 2, 4)
    assert said.digest == SPEC.digest and said.contract == 1
    said.check(SPEC)


@pytest.mark.parametrize(
    "changes, spec, sentence",
    [
        ({"_0": 2}, SPEC, r"^the board speaks version 2 of the link protocol in 19 words, this driver speaks ver"),
        ({"_3": 0}, SPEC, r"^no thermofab fabric of register map version \d+ answers: its ID reads 0x00000000"),
        ({"_4": 9}, SPEC, r"^no thermofab fabric of register map version \d+ answers: .* and its version 9\.$"),
        ({"_4": 2 | 5 << 16}, SPEC, r"^the fabric computes by contract version 5, and this library knows versions 1"),
        ({}, fabric("g4-4x6-torus"), r"sites 16 where the spec has 24; edges 32 where the spec has 48\. Build the"),
        ({}, fabric(SPEC, levels=2), r"^the fabric behind the port has digest .*…, but the spec has .*…: levels 4 wh"),
        ({}, fabric(SPEC, weight_bits=6), r": weight_bits 8 where the spec has 6\. Build the board"),
        ({}, fabric("g4-4x4-torus", rng="xoshiro128+"), r": generator words 2 where the spec has 4\. Build"),
    ],
)  # fmt: skip
def test_another_board_is_refused_by_what_differs(changes, spec, sentence):
    with pytest.raises(DeviceError, match=sentence):
        info(info_words(SPEC, **changes)).check(spec)


def test_naming_the_device_imports_no_pyserial_and_no_amaranth():
    program = (
        "import sys, thermofab, thermofab.hw.link.device, thermofab.hw.link.frames; "
        "assert not {'serial', 'amaranth'} & set(sys.modules), set(sys.modules) & {'serial', 'amaranth'}"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
