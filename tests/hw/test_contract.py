"""The contract's version, and the parts of docs/contract.md that other tests only imply."""

import json
import re
from pathlib import Path

import networkx
import numpy as np
import pytest

import thermofab as fab
from thermofab.hw.host import registers as rm
from thermofab.hw.host.driver import FabricDriver
from thermofab.hw.rng.base import seed_words
from thermofab.hw.spec import (
    CONTRACT_VERSION,
    DeviceError,
    DeviceInfo,
    Image,
    Program,
    Schedule,
    SpecError,
    UnsupportedError,
    check_image,
    fabric,
    generator,
    open_device,
)
from thermofab.hw.spec.seeding import site_keys, stream_word

SPEC = fabric("g4-3x3")
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "contract.md").read_text()


def image(**changes) -> Image:
    made = Image.from_matrix(SPEC, np.zeros((9, 9), dtype=int), np.arange(9), step=0.02, shift=3, seed=7)
    return made.replace(**changes)


def ordered() -> Image:
    """An image of version 2: its fabric's order is the image's."""
    spec = fabric("g4-3x3", architecture="relay")
    return Image.from_matrix(spec, np.zeros((9, 9), dtype=int), np.arange(9), step=0.02, shift=3, seed=7)


def test_version_1_leaves_digests_as_they_were():
    """Red if images made before there were versions no longer load: the digest is one of those."""
    assert CONTRACT_VERSION == 2 and image().contract == 1 and ordered().contract == 2
    assert image().digest == "0016245521da9cb2e72b55401812dadc081d5efaf706d03add52c768b6869be4"


def test_another_version_is_another_digest():
    """Red if two images with other bits could be taken for each other."""
    assert ordered().digest != image().digest and ordered().fabric.digest != SPEC.digest


def test_a_version_goes_with_its_fabric():
    """Red if an order could be lost, or asked of a fabric that has its own."""
    with pytest.raises(SpecError, match=r"^an image for a spatial fabric is of contract version 1, not 2\.$"):
        image(contract=2)
    with pytest.raises(SpecError, match=r"^an image for a relay fabric is of contract version 2, not 1\.$"):
        ordered().replace(contract=1)


def test_files_without_a_version_are_of_version_1():
    """Red if an older file is refused, or a new one does not say its version."""
    graph = networkx.Graph([(0, 1, {"weight": 0.5})])
    program = fab.compile(graph, "g4-2x2")
    data = json.loads(json.dumps(program.to_json()))
    assert data.pop("contract") == data["image"].pop("contract") == 1
    again = Program.from_json(data)
    assert again.contract == again.image.contract == 1 and again.digest == program.digest


@pytest.mark.parametrize("version", [0, 3, "1", True, 1.0])
def test_an_unknown_version_is_refused_when_built_and_when_read(version):
    """Red if integers meant for other equations are run as if for these."""
    said = (
        rf"^the image is of contract version {version}, and this library knows versions 1, 2; install a thermofab that"
    )
    with pytest.raises(SpecError, match=said + r" knows it, or compile the program again\.$"):
        image(contract=version)
    with pytest.raises(SpecError, match=said):
        Image.from_json({"contract": version}, SPEC)  # before anything else is looked at
    with pytest.raises(SpecError, match=said.replace("the image", "the program")):
        Program.from_json({"contract": version})


@pytest.mark.parametrize("device", ["reference", "jax-xla"])
def test_a_device_refuses_a_version_that_it_does_not_implement(device, monkeypatch):
    """Red if a device runs an image by equations that it was not written for."""
    made = ordered()
    opened = open_device(device, made.fabric)
    monkeypatch.setattr(type(opened), "info", lambda self: DeviceInfo(device, made.fabric, True, ""))
    sentence = (
        rf"^device '{device}' implements contract version 1, and the image is of version 2; take a device that "
        r"implements it, or compile the program again\.$"
    )
    with pytest.raises(UnsupportedError, match=sentence):
        opened.load(made)
    with pytest.raises(
        UnsupportedError, match=r"^the device implements contract version 1, and the image is of version 2;"
    ):
        check_image(made, made.fabric)  # as a device that says nothing of versions calls it


@pytest.mark.parametrize("made", [image(), ordered()], ids=["1", "2"])
def test_a_device_that_implements_a_version_takes_it(made):
    open_device("reference", made.fabric).load(made)


class Registers:
    """A bus that reads as a fabric whose VERSION is ``word``."""

    def __init__(self, word: int) -> None:
        self._word = word

    def read(self, address: int) -> int:
        return {0: rm.ID, 1: self._word}.get(address, 0)


@pytest.mark.parametrize(
    "word, sentence",
    [
        (
            2 | 3 << 16,
            r"^the fabric computes by contract version 3, and this library knows versions 1, 2; install",
        ),
        (7, r"^no thermofab fabric of register map version 2 answers: its ID reads 0x54464142 and its version 7\.$"),
        (2, r"^the fabric has digest 000000000000…, but the spec has"),
        (2 | 1 << 16, r"^the fabric has digest 000000000000…, but the spec has"),
    ],
)
def test_a_driver_reads_the_contract_of_its_fabric(word, sentence):
    """Red if gateware of another contract is driven as if of this one, or that of version 1 is refused."""
    with pytest.raises(DeviceError, match=sentence):
        FabricDriver(SPEC, Registers(word)).check_identity()  # pyright: ignore[reportArgumentType]


def test_the_version_register_of_version_1_is_that_of_older_gateware():
    """Red if boards built before contracts had versions are refused."""
    assert rm.version_word(1) == rm.VERSION and rm.versions_in(rm.VERSION) == (rm.VERSION, 1)
    assert rm.versions_in(rm.version_word(2)) == (rm.VERSION, 2)


def test_the_worked_example_is_right():
    """Red if the page, the seeding or the generator changes: every number of the example is computed again."""
    numbers = re.search(r"### A worked example\n(.*?)\n#", PAGE, flags=re.DOTALL)
    assert numbers is not None
    said = [int(word, 16) for word in re.findall(r"`0x([0-9a-f]+)`", numbers[1])]
    key = site_keys(7, [2], 6)[0, 5:]
    outputs = [int(stream_word(key, index)[0]) for index in (0, 255)]
    lfsr = generator("lfsr64")
    state = tuple(int(word) for word in seed_words(lfsr, key)[0])
    words = []
    for bits in (16, 32):
        after = state
        for _ in range(3):
            after, word = lfsr.step(after, bits)
            words.append(word)
    assert said == [int(key[0]), *outputs, *state, *words]


def test_the_word_of_a_step_is_the_bits_it_makes():
    """Red if a step returns bits that the state held before: the window after it ends in the word."""
    for name, bits in (("lfsr64", 16), ("lfsr64", 32), ("lfsr32", 16)):
        source = generator(name)
        before = (0x89ABCDEF, 0x01234567)[: source.state_words]
        after, word = source.step(before, bits)
        joined = [sum(value << 32 * k for k, value in enumerate(state)) for state in (before, after)]
        assert joined[1] == joined[0] >> bits | word << 32 * source.state_words - bits


def test_a_clamp_comes_before_a_start():
    """Red if ``init`` sets a clamped site."""
    device = open_device("reference", SPEC)
    device.load(image())
    clamp = np.where(np.arange(9) < 4, np.arange(9) % 2, -1)
    samples = device.run(Schedule(0, 1), init=np.zeros(9, dtype=bool), clamp=clamp)
    assert np.array_equal(samples.sites[0, 0], np.where(clamp == 1, True, False))
