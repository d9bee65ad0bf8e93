"""Runs of a program that discards samples: as many more are run as are needed to keep the number asked for."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from thermofab.hw.spec.certificate import Rejecting
from thermofab.hw.spec.errors import DeviceError
from thermofab.hw.spec.samples import Ledger, Samples
from thermofab.hw.spec.schedule import Schedule

if TYPE_CHECKING:
    from thermofab.hw.spec.program import Program

_MORE = (1.25, 2.5, 5.0, 10.0)  # times the samples that the yield calls for, run until enough are kept


def agreeing_samples(program: "Program", run: Callable[[int], Samples], asked: Schedule) -> Samples:
    """The first samples of every replica in which copies agree, as many as were asked for.

    Args:
        run: runs so many samples of ``asked``. All runs begin alike: a longer one repeats a shorter one's samples.

    Returns:
        raw samples; their ledger counts all that was run.

    Raises:
        DeviceError: ten times the samples that the certificate's yield calls for do not suffice.
    """
    certificate = program.report.certificate
    share = certificate.yield_ if isinstance(certificate, Rejecting) else 1.0
    spent: Ledger | None = None
    count = 0
    for more in _MORE:
        raw = run(int(np.ceil(more * asked.n_samples / share)) + 8)
        count = raw.sites.shape[1]
        spent = raw.ledger if spent is None else spent.plus(raw.ledger)
        agree = raw.decoded(program, ()).kept
        if agree.sum(axis=1).min() >= asked.n_samples:
            first = np.argsort(~agree, axis=1, kind="stable")[:, : asked.n_samples]
            sites = np.take_along_axis(raw.sites, first[:, :, None], axis=1)
            return replace(raw, sites=sites, schedule=asked, ledger=spent)
    raise DeviceError(
        f"a replica has fewer than the {asked.n_samples} samples asked for among {count}, the others "
        f"have copies that disagree, where a share of {share:.2g} was expected to be kept. Warm up for longer, "
        "compile with a tolerance, or take a fabric that holds the program's graph directly."
    )
