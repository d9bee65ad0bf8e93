"""The version of the arithmetic contract: which equations an image's integers are meant for (docs/contract.md).

A change of any bit that a device may return for the same image, schedule and seed is another version. Version 1 adds
nothing to a digest; files written before there were versions are of version 1. Version 2 is version 1 with an order of
updates in the image (:mod:`thermofab.hw.spec.order`); an image without one is of version 1.
"""

from collections.abc import Sequence
from typing import Any

from thermofab.hw.spec.errors import SpecError

CONTRACT_VERSION = 2
KNOWN_CONTRACTS: tuple[int, ...] = (1, 2)
UNORDERED, ORDERED = 1, 2  # versions of images without and with an order


def check_contract(version: Any, what: str) -> int:
    """``version``, refused unless this library knows it; ``what`` begins the sentence, as in ``"the image"``.

    Raises:
        SpecError: it is not an integer, or a version unknown here.
    """
    if isinstance(version, bool) or not isinstance(version, int) or version not in KNOWN_CONTRACTS:
        raise SpecError(
            f"{what} is of contract version {version}, and this library knows {named(KNOWN_CONTRACTS)}; install a "
            "thermofab that knows it, or compile the program again."
        )
    return version


def named(versions: Sequence[int]) -> str:
    """``version 1``, or ``versions 1, 2``."""
    return f"version{'s' if len(versions) != 1 else ''} {', '.join(map(str, versions))}"
