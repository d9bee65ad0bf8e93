"""dimod's own tests of samplers and composites, with a TSUSampler in the place of its reference samplers.

    python benchmarks/suites/dimod_suite.py                            # fetches dimod's source from PyPI
    python benchmarks/suites/dimod_suite.py --sdist dimod-0.12.23.tar.gz --devices native

The files are those that test the sampler classes, the assertions that dimod offers to authors of samplers, and the
composites that take a child sampler. Among them are tests that want what only an enumeration gives, all states of a BQM
in one answer; they fail, and the rows say so. tests/compiler/test_compiler_dimod.py runs dimod's conformance tests on a
TSUSampler itself, and on composites of it.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from results import write_results  # noqa: E402
from suites.suite_run import HERE, outcomes_of, row_of, unpacked  # noqa: E402

VERSION = "0.12.23"
DEVICES = ("native", "jax-xla")
FILES = (
    *("test_composite", "test_sampler", "test_structured", "test_structure_composite", "test_testing"),
    *(
        "test_trackingcomposite",
        "test_truncatecomposite",
        "test_higherordercomposite",
        "test_fixedpolyvariablecomposite",
    ),
    *("test_polyscalecomposite", "test_polytruncatecomposite"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sdist", type=Path, help="dimod's source distribution; fetched if left out.")
    parser.add_argument("--devices", nargs="+", default=list(DEVICES))
    parser.add_argument("--limit", type=float, default=1800, help="Seconds per device.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        tests = unpacked("dimod", VERSION, Path(name), options.sdist)
        shutil.rmtree(tests.parent / "dimod")  # the installed one is tested: the source is not compiled
        shutil.copy(HERE / "dimod_adapter.py", tests / "conftest.py")
        chosen = [f"tests/{file}.py" for file in FILES]
        rows = [row_of(device, *outcomes_of(tests, device, chosen, options.limit)) for device in options.devices]
    print(json.dumps(rows, indent=1))
    print(write_results("dimod_suite", {"dimod": VERSION, "rows": rows}))


if __name__ == "__main__":
    main()
