"""Several processes as one: each joins, and ``open_device("jax", spec, shard=...)`` then shares the devices of all.

join("10.0.0.1:8476", processes=2, index=0)          # in the first process; index=1 in the second
device = open_device("jax", spec, shard="replicas")  # the same calls with the same arguments in every process
"""

import jax
import numpy as np

from thermofab.hw.spec import DeviceError
from thermofab.sim.functional import watch

# Seconds to wait for the others, and without a sign of life after which JAX gives a machine up.
PATIENCE = 30


def join(address: str, processes: int, index: int, patience: int = PATIENCE) -> None:
    """Join ``processes`` processes, this one number ``index``; number 0 listens at ``address`` (host:port).

    Call it before any other use of JAX. When a process dies the others end with a message that names it and with exit
    status ``watch.DIED``; none waits for ever.

    Raises:
        DeviceError: the others did not come, or the arguments cannot be right.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise DeviceError(f"address must be host:port, such as 127.0.0.1:8476, got {address!r}.")
    if not 0 <= index < processes:
        raise DeviceError(f"index must lie in 0…{processes - 1} for {processes} processes, got {index}.")
    try:
        jax.distributed.initialize(
            address, processes, index, initialization_timeout=patience, heartbeat_timeout_seconds=patience
        )
        if processes > 1:
            _watch_each_other(host, processes, index, patience)
    except Exception as failure:
        raise DeviceError(
            f"process {index} could not join {processes} processes at {address} within {patience} s; start all of "
            f"them with the same address and number of processes. JAX said: {failure}"
        ) from failure


def _watch_each_other(host: str, processes: int, index: int, patience: int) -> None:
    from jax.experimental import multihost_utils

    server, port = watch.listen(processes) if index == 0 else (None, 0)
    port = int(multihost_utils.broadcast_one_to_all(np.int32(port)))
    if server is None:
        watch.watch_first(host, port, index, processes, patience)
    else:
        watch.watch_all(server, processes, patience)
