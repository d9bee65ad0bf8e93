"""The conftest.py that thrml_suite.py puts beside THRML's tests: ours in the place of its samplers.

It replaces THRML's samplers before the tests import them. The environment says what to do:

    SUITE_DEVICE   the device, or "thrml" for THRML's own samplers
    SUITE_KEYS     0: the tests' own keys; n: every test n times, its k-th time with 1 to n folded into every key
"""

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

import jax
import pytest
import thrml.block_sampling  # noqa: F401  (replaced below, by name)
import thrml.models.ising  # noqa: F401
from _pytest.runner import runtestprotocol
from suite_record import called

import thermofab as fab

NAMES = ("sample_states", "sample_with_observation", "estimate_moments", "estimate_kl_grad")
DEVICE, KEYS = os.environ["SUITE_DEVICE"], int(os.environ["SUITE_KEYS"])
FOLD = {"now": 0}  # into every key; 0: none


def replacement(name: str, theirs: Callable[..., Any]) -> Callable[..., Any]:
    """The function of this name: on the device, with the key of this repetition."""
    ours = theirs if DEVICE == "thrml" else functools.partial(getattr(fab, name), device=DEVICE)

    @functools.wraps(theirs)
    def call(key: Any, *args: Any, **options: Any) -> Any:
        called()
        return ours(jax.random.fold_in(key, FOLD["now"]) if FOLD["now"] else key, *args, **options)

    return call


def replace_samplers() -> None:
    modules = [module for name, module in sys.modules.items() if name.split(".")[0] == "thrml"]
    for name in NAMES:
        found = [module for module in modules if hasattr(module, name)]
        made = replacement(name, getattr(found[0], name))
        for module in found:
            setattr(module, name, made)


replace_samplers()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: Any, nextitem: Any) -> bool | None:
    if not KEYS:
        return None
    for fold in range(1, KEYS + 1):
        FOLD["now"] = fold
        if fold > 1:
            item._initrequest()  # fixtures anew, as plugins that repeat tests do
        for report in runtestprotocol(item, nextitem=item if fold < KEYS else nextitem, log=False):
            item.ihook.pytest_runtest_logreport(report=report)
    return True
