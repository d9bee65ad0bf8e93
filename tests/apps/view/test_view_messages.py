"""The bytes of a frame, and the messages that a page may send."""

# IsingModel makes arrays of the lists here.
# pyright: reportArgumentType=false

import struct

import numpy as np
import pytest

from thermofab.apps.serve.messages import MessageError
from thermofab.apps.view.controls import Controls, fixed_beta
from thermofab.apps.view.frame import Frame
from thermofab.apps.view.messages import applied, read
from thermofab.compiler import compile
from thermofab.hw.spec import IsingModel, SpecError
from thermofab.hw.spec.program import Program


def made(n_sites: int) -> Frame:
    rng = np.random.default_rng(n_sites)
    states, shares = rng.random(n_sites) < 0.5, rng.integers(0, 256, n_sites).astype(np.uint8)
    return Frame(3, 2, 2**40 + 5, 17, -12.5, 0.25, 0.5, states, shares)


@pytest.mark.parametrize("n_sites", [1, 7, 8, 9, 4900])
def test_a_frame_comes_back_from_its_bytes(n_sites):
    frame = made(n_sites)
    back = Frame.from_bytes(frame.to_bytes(), n_sites)
    assert np.array_equal(back.states, frame.states) and np.array_equal(back.marginals, frame.marginals)
    for name in ("leg", "restarts", "sweeps", "count", "energy", "agree", "seconds"):
        assert getattr(back, name) == getattr(frame, name)


def test_every_field_is_where_the_format_says():
    frame = made(9)
    data = frame.to_bytes()
    assert len(data) == 40 + 2 + 9 and data[:4] == b"TFV1"
    assert struct.unpack_from("<I", data, 4) == (3,) and struct.unpack_from("<Q", data, 8) == (2**40 + 5,)
    assert struct.unpack_from("<II", data, 16) == (2, 17) and struct.unpack_from("<d", data, 24) == (-12.5,)
    assert struct.unpack_from("<ff", data, 32) == (0.25, 0.5)
    assert [data[40 + k // 8] >> k % 8 & 1 for k in range(9)] == frame.states.astype(int).tolist()
    assert list(data[42:]) == frame.marginals.tolist()


@pytest.mark.parametrize("data", [b"", made(9).to_bytes()[:-1], b"TFV2" + made(9).to_bytes()[4:], made(8).to_bytes()])
def test_other_bytes_are_no_frame(data):
    with pytest.raises(SpecError, match="a frame of 9 sites has 51 bytes and begins with TFV1"):
        Frame.from_bytes(data, 9)


@pytest.fixture(scope="module")
def program() -> Program:
    return compile(IsingModel(("a", "b"), [0.1, 0.0], [[0, 1]], [0.4]), "g4-2x2")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "this is not JSON"),
        ("[" * 100_000, "this is not JSON"),
        ("[]", "a message is a JSON object with a type of beta, clamp"),
        ('{"type": ["beta"]}', "a message is a JSON object with a type of beta, clamp"),
        ('{"type": "beta"}', "of type beta has, beside its type, factor"),
        ('{"type": "free", "node": 1}', "of type free has, beside its type, nothing else"),
        ('{"type": "run", "running": 1}', "running is true or false, got 1"),
        ('{"type": "beta", "factor": "1"}', "a factor on β is a number, got '1'"),
        ('{"type": "beta", "factor": NaN}', "a factor on β lies in 0…4, got nan"),
        ('{"type": "beta", "factor": 4.1}', "a factor on β lies in 0…4, got 4.1"),
        ('{"type": "sweeps", "per_frame": 0}', "sweeps per frame are an integer in 1…1000, got 0"),
        ('{"type": "sweeps", "per_frame": true}', "sweeps per frame are an integer in 1…1000, got True"),
        ('{"type": "restart", "seed": -1}', "a seed is an integer in 0…2^63-1, got -1"),
        ('{"type": "clamp", "node": 2, "state": 1}', "nodes of this program are 0…1, got 2"),
        ('{"type": "clamp", "node": "a", "state": 1}', "nodes of this program are 0…1, got 'a'"),
        ('{"type": "clamp", "node": 0, "state": 2}', "states of node 0 are 0…1, or null for a free node; got 2"),
        ('{"type": "clamp", "node": 0, "state": 0.5}', "states of node 0 are 0…1, or null for a free node; got 0.5"),
    ],
)
def test_what_is_wrong_with_a_message_is_said(program, text, sentence):
    with pytest.raises(MessageError) as caught:
        applied(read(text), Controls(), program, None)
    assert sentence in str(caught.value)


def test_messages_change_what_they_name(program):
    controls = Controls.start(program, seed=4)
    for text in (
        '{"type": "beta", "factor": 0.5}',
        '{"type": "clamp", "node": 1, "state": 0}',
        '{"type": "clamp", "node": 0, "state": 1}',
        '{"type": "clamp", "node": 1, "state": null}',
        '{"type": "sweeps", "per_frame": 9}',
    ):
        controls = applied(read(text), controls, program, None)
    assert controls == Controls(4, 0.5, {0: 1}, 9, 0)
    controls = applied(read('{"type": "restart", "seed": 6}'), controls, program, None)
    assert controls == Controls(6, 0.5, {0: 1}, 9, 1)
    assert applied(read('{"type": "free"}'), controls, program, None).clamp == {}


def test_a_table_that_is_not_the_standard_one_keeps_its_beta(program):
    other = program.replace(image=program.image.replace(tables=program.image.tables[:, ::-1][:, ::-1] // 2 + 1))
    why = fixed_beta(other)
    assert fixed_beta(program) is None and why is not None
    with pytest.raises(MessageError, match="β cannot be changed: .*level 0 holds another"):
        applied(read('{"type": "beta", "factor": 0.5}'), Controls(), other, why)


def test_nodes_of_clamped_blocks_are_never_free(program):
    always = program.replace(free_blocks=((0,),), clamped_blocks=((1,),))
    controls = Controls.start(always)
    assert controls.clamp == {1: 0}
    changed = applied(read('{"type": "clamp", "node": 1, "state": 1}'), controls, always, None)
    assert applied(read('{"type": "free"}'), changed, always, None).clamp == {1: 1}
    with pytest.raises(MessageError, match="node 1 is in a clamped block of the program and always has a value"):
        applied(read('{"type": "clamp", "node": 1, "state": null}'), controls, always, None)
