"""The player: runs the stream at a frame rate while somebody watches, and hands every watcher the newest frame."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from thermofab.apps.serve.messages import MessageError
from thermofab.apps.view.controls import Controls, fixed_beta
from thermofab.apps.view.messages import applied
from thermofab.apps.view.stream import Shown, Stream, frames
from thermofab.hw.spec import Device, Program, ThermofabError


@dataclass(frozen=True, eq=False)
class Scene:
    """What is shown.

    Attributes:
        program: that runs.
        device: open for the program's fabric.
        device_name: as the user wrote it.
        title: of the program, for the page.
        replicas: chains.
        fps: frames per second, at most.
        controls: to begin with.
    """

    program: Program
    device: Device
    device_name: str
    title: str
    replicas: int = 1
    fps: int = 20
    controls: Controls = Controls()


class Watcher:
    """One page: the newest status and the newest frame that it was not sent yet. A slow page skips frames."""

    def __init__(self) -> None:
        self._due = asyncio.Event()
        self._status: str | None = None
        self._frame: bytes | None = None

    def offer(self, *, status: str | None = None, frame: bytes | None = None) -> None:
        """Replace what was not taken."""
        self._status, self._frame = status or self._status, frame or self._frame
        self._due.set()

    async def take(self) -> list[str | bytes]:
        """What is new, the status first."""
        await self._due.wait()
        self._due.clear()
        new = [part for part in (self._status, self._frame) if part is not None]
        self._status = self._frame = None
        return new


class Player:
    """Runs a scene. All methods are called on the event loop; the device is used by one thread alone."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.newest: Shown | None = None
        self._controls, self._fixed = scene.controls, fixed_beta(scene.program)
        self._running, self._steps, self._trouble = True, 0, ""
        self._watchers: set[Watcher] = set()
        self._wanted = asyncio.Event()
        self._stream: Stream | None = None

    def apply(self, message: dict[str, Any]) -> None:
        """Do what a page asked for, and tell every page.

        Raises:
            MessageError: it cannot be done.
        """
        kind = message["type"]
        if self._trouble and kind != "restart":
            raise MessageError("stopped", f"{self._trouble} Restart when the device can be reached again.")
        if kind == "run":
            self._running = message["running"]
        elif kind == "step":
            self._steps = min(self._steps + 1, 100)
        else:
            self._controls = applied(message, self._controls, self.scene.program, self._fixed)
        self._trouble = ""
        self._tell()

    def status(self) -> str:
        """The text message that says what is run."""
        controls, scene = self._controls, self.scene
        data = {
            "device": scene.device_name,
            "replicas": scene.replicas,
            "fps": scene.fps,
            "running": self._running,
            "seed": controls.seed,
            "factor": controls.factor,
            "sweeps_per_frame": controls.sweeps,
            "clamp": [[node, state] for node, state in sorted(controls.clamp.items())],
            "fixed_beta": self._fixed,
            "trouble": self._trouble,
        }
        return json.dumps({"type": "status", "data": data})

    @property
    def watchers(self) -> int:
        """Pages that look on."""
        return len(self._watchers)

    @contextlib.contextmanager
    def watched(self) -> Iterator[Watcher]:
        """A watcher for as long as the context is open."""
        watcher = Watcher()
        self._watchers.add(watcher)
        newest = None if self.newest is None else self.newest.frame.to_bytes()
        watcher.offer(status=self.status(), frame=newest)
        self._wake()
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)
            self._wake()

    async def play(self) -> None:
        """Make frames until cancelled."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="view") as thread:
            due = loop.time()
            while True:
                await self._wanted.wait()
                await asyncio.sleep(due - loop.time())
                due = max(due + 1 / self.scene.fps, loop.time())
                self._steps = max(0, self._steps - 1)
                self._wake()
                try:
                    shown = await loop.run_in_executor(thread, self._next, self._controls)
                except (ThermofabError, OSError) as error:
                    self._trouble, self._stream = str(error), None
                    self._tell()
                    continue
                self.newest, frame = shown, shown.frame.to_bytes()
                for watcher in self._watchers:
                    watcher.offer(frame=frame)

    def _next(self, controls: Controls) -> Shown:
        """The next frame; on the device's thread."""
        if self._stream is not None:
            return self._stream.send(controls)
        scene = self.scene
        stream = frames(scene.program, scene.device, controls, replicas=scene.replicas)
        shown = next(stream)
        self._stream = stream
        return shown

    def _tell(self) -> None:
        status = self.status()
        for watcher in self._watchers:
            watcher.offer(status=status)
        self._wake()

    def _wake(self) -> None:
        """Frames are wanted where somebody watches, and the run goes on or is stepped."""
        if self._watchers and not self._trouble and (self._running or self._steps):
            self._wanted.set()
        else:
            self._wanted.clear()
