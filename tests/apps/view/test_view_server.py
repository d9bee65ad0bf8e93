"""The server of the page: frames arrive, what a page asks for is done, and strangers are refused."""

# IsingModel makes arrays of the lists here, and connect takes an origin as text.
# pyright: reportArgumentType=false

import json
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from thermofab.apps.files import write_program
from thermofab.apps.serve.access import Access
from thermofab.apps.serve.server import serving
from thermofab.apps.view.app import create_app
from thermofab.apps.view.command import program_of
from thermofab.apps.view.frame import Frame
from thermofab.apps.view.player import Scene
from thermofab.compiler import compile
from thermofab.hw.spec import DeviceError, IsingModel, Program, Schedule, SpecError, open_device
from thermofab.sim.reference import ReferenceDevice


@pytest.fixture(scope="module")
def program():
    return compile(IsingModel(("a", "b", "c"), [0.1, 0, 0], [[0, 1], [1, 2]], [0.4, -0.4]), "g4-2x2")


def scene_of(program: Program, device=None) -> Scene:
    return Scene(program, device or open_device("reference", program.fabric), "reference", "a test", fps=60)


def until(socket, wanted) -> Any:
    """The first message, decoded, that is wanted."""
    while True:
        got = socket.recv(timeout=10)
        got = json.loads(got) if isinstance(got, str) else Frame.from_bytes(got, 4)
        if wanted(got):
            return got


def refusal(socket):
    return until(socket, lambda got: isinstance(got, dict) and got["type"] == "error")["data"]


def fetch(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        return answer.read()


def test_frames_are_the_programs_states_and_changes_reach_every_page(program):
    with serving(create_app(scene_of(program))) as place, connect(place.ws) as one, connect(place.ws) as other:
        status = until(one, lambda got: isinstance(got, dict))["data"]
        assert (status["device"], status["seed"], status["factor"], status["clamp"]) == ("reference", 0, 1.0, [])
        frame = until(one, lambda got: isinstance(got, Frame))
        call = program.sample(Schedule(frame.sweeps, 1), seed=0, device="reference")
        assert np.array_equal(frame.states, call.sites[0, 0])
        one.send('{"type": "clamp", "node": 1, "state": 1}')
        for socket in (one, other):
            assert until(socket, lambda got: isinstance(got, dict) and got["data"]["clamp"])["data"]["clamp"] == [
                [1, 1]
            ]
            held = until(socket, lambda got: isinstance(got, Frame) and got.leg == 1)
            assert held.states[program.roots[1]]
        other.send('{"type": "clamp", "node": 9, "state": 1}')
        assert refusal(other) == {"code": "bad_request", "sentence": "nodes of this program are 0…2, got 9."}
        other.send(b"\0")
        assert "messages are text frames" in refusal(other)["sentence"]
        assert b"nodes[1]: 1" in fetch(f"{place.url}/api/recipe")
        assert Program.from_json(json.loads(fetch(f"{place.url}/api/program"))).digest == program.digest
        assert json.loads(fetch(f"{place.url}/api/picture"))["nodes"] == ["a", "b", "c"]


def test_a_paused_run_stands_still_and_steps(program):
    with serving(create_app(scene_of(program))) as place, connect(place.ws) as socket:
        socket.send('{"type": "run", "running": false}')
        until(socket, lambda got: isinstance(got, dict) and not got["data"]["running"])
        frames = []
        with pytest.raises(TimeoutError):
            while True:  # one may have been on its way
                frames.append(socket.recv(timeout=0.2))
        assert len(frames) <= 2
        before = place.app.state.player.newest.frame.sweeps
        socket.send('{"type": "step"}')
        assert until(socket, lambda got: isinstance(got, Frame) and got.sweeps > before).sweeps == before + 5
        with pytest.raises(TimeoutError):
            while True:
                assert isinstance(socket.recv(timeout=0.2), str)


def test_strangers_are_refused(program):
    with serving(create_app(scene_of(program), access=Access("open-sesame"))) as place:
        for wrong in ("", "?token=wrong"):
            with pytest.raises(InvalidStatus) as caught, connect(place.ws + wrong):
                pass
            assert caught.value.response.status_code == 401
        with pytest.raises(InvalidStatus) as caught, connect(place.ws, origin="http://example.org"):
            pass
        assert caught.value.response.status_code == 403
        with connect(f"{place.ws}?token=open-sesame") as socket:
            until(socket, lambda got: isinstance(got, Frame))
        for path in ("picture", "recipe", "program"):
            with pytest.raises(urllib.error.HTTPError, match="401"):
                fetch(f"{place.url}/api/{path}")
            assert fetch(f"{place.url}/api/{path}", Authorization="Bearer open-sesame")
        with pytest.raises(urllib.error.HTTPError, match="421"):
            fetch(f"{place.url}/", Host="example.org")


class Failing(ReferenceDevice):
    """A device that is away while ``away`` is set."""

    away = False

    def start(self, **arguments):
        if self.away:
            raise DeviceError("nothing answers.")
        return super().start(**arguments)


def test_a_device_that_stops_is_told_and_a_restart_goes_on(program):
    device = Failing(program.fabric)
    with serving(create_app(scene_of(program, device))) as place, connect(place.ws) as socket:
        until(socket, lambda got: isinstance(got, Frame))
        device.away = True
        socket.send('{"type": "beta", "factor": 0.5}')
        stopped = until(socket, lambda got: isinstance(got, dict) and got["data"]["trouble"])
        assert stopped["data"]["trouble"] == "nothing answers."
        socket.send('{"type": "beta", "factor": 0.6}')
        assert refusal(socket)["sentence"] == "nothing answers. Restart when the device can be reached again."
        device.away = False
        socket.send('{"type": "restart", "seed": 1}')
        frame = until(socket, lambda got: isinstance(got, Frame) and got.restarts == 1)
        assert frame.leg == 0


def test_what_cannot_be_shown_is_refused_before_anything_is_run(program, tmp_path):
    write_program(tmp_path / "program.json", program)
    shown, title = program_of(tmp_path / "program.json", None, 1.0, 0)
    assert shown.digest == program.digest and title == "program.json"
    with pytest.raises(SpecError, match="is a compiled program, with a fabric and a β of its own"):
        program_of(tmp_path / "program.json", "g4-2x2", 1.0, 0)
    with pytest.raises(SpecError, match="--beta is of a model"):
        program_of(None, None, 2.0, 0)
    with pytest.raises(SpecError, match="g4-300x300 has 90000 sites; a page draws at most 40000"):
        program_of(None, "g4-300x300", 1.0, 0)
    with pytest.raises(SpecError, match="there is no file"):
        program_of(tmp_path / "missing.json", None, 1.0, 0)
    (tmp_path / "other.json").write_text("[1]")
    with pytest.raises(SpecError, match="is neither a dimod BQM"):
        program_of(tmp_path / "other.json", None, 1.0, 0)


def test_the_command_says_what_is_wrong_in_a_line(program, tmp_path):
    write_program(tmp_path / "program.json", program)
    command = [sys.executable, "-m", "thermofab.apps.cli", "view", str(tmp_path / "program.json"), "--no-open"]
    done = subprocess.run([*command, "--device", "nothing"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "thermofab: unknown device 'nothing'; known are" in done.stderr
