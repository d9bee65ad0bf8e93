"""One method in a process of its own, for its memory: ``python -m thermofab.apps.profile.alone``, a JSON object on
standard input (program, method, setting), one on standard output."""

import json
import subprocess
import sys
import time
from dataclasses import asdict
from typing import Any

from thermofab.apps.profile.method import Setting
from thermofab.apps.profile.methods import METHODS
from thermofab.apps.profile.problem import Problem
from thermofab.hw.spec import Program

LONGEST = 300.0


def peak_mib() -> float | None:
    """Largest resident memory of this process so far, in MiB; ``None`` where the system does not say.

    Not ``ru_maxrss``, which a child inherits from its parent.
    """
    try:
        with open("/proc/self/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return None


def measured_alone(problem: Problem, method: str, setting: Setting) -> dict[str, float] | None:
    """``base_mib`` (the problem loaded, before the method's libraries), ``peak_mib`` (after one call) and ``seconds``
    (libraries, preparation and call) of a fresh process; ``None`` where it fails or says nothing.
    """
    asked = {"program": problem.program.to_json(), "method": method, "setting": asdict(setting)}
    command = [sys.executable, "-m", "thermofab.apps.profile.alone"]
    try:
        done = subprocess.run(
            command, input=json.dumps(asked), capture_output=True, text=True, timeout=LONGEST, check=False
        )
        return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        return None


def main() -> None:
    asked: dict[str, Any] = json.load(sys.stdin)
    problem = Problem("alone", Program.from_json(asked["program"]), "")
    setting, base, started = Setting(**asked["setting"]), peak_mib(), time.perf_counter()
    METHODS[asked["method"]].prepare(problem, setting)(0)
    print(json.dumps({"base_mib": base, "peak_mib": peak_mib(), "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
