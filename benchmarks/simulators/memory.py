"""Peak resident memory of each case of native.py's table, every one in a process of its own.

python benchmarks/simulators/memory.py
"""

import resource
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[1]
DEVICES = ("native", "jax-xla")


def one(title: str, device: str, replicas: int) -> None:
    """Run a case for a few sweeps and print this process's peak."""
    sys.path.insert(0, str(BENCHMARKS))
    from native import CASES  # pyright: ignore[reportMissingImports]
    from speed import runner, spin_glass

    make = next(make for name, make, _ in CASES if name == title)
    image = spin_glass(make())
    if replicas:
        runner(device, image, replicas, 8)()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    if len(sys.argv) > 1:
        return one(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    sys.path.insert(0, str(BENCHMARKS))
    from native import CASES  # pyright: ignore[reportMissingImports]

    print(f"{'MB':<26}{'replicas':>9}" + "".join(f"{device:>10}" for device in DEVICES))
    for title, _, sweeps in CASES:
        # With no replicas: Python, JAX, the benchmark's own imports (THRML among them) and the image.
        for replicas in (0, *sweeps):
            peaks = []
            for device in DEVICES:
                command = [sys.executable, __file__, title, device, str(replicas)]
                peaks.append(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
            print(f"{title:<26}{replicas:>9}" + "".join(f"{peak:>10.0f}" for peak in peaks), flush=True)


if __name__ == "__main__":
    main()
