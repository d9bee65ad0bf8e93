"""One process of several: joins over the loopback, runs a shared device, writes what it got, and may run on for ever.

Run by test_sharding: ``distributed_worker.py ADDRESS PROCESSES INDEX SHARD OUT FINISH|FOREVER``.
"""

import os
import sys


def main() -> None:
    address, count, index, shard, out, ends = sys.argv[1:]
    os.environ["JAX_PLATFORMS"] = "cpu"
    from thermofab.sim.functional.distributed import join

    join(address, int(count), int(index))
    import numpy as np

    from tests.sim.test_sharding import SCHEDULE, image_of
    from thermofab.hw.spec import Schedule, open_device

    image = image_of()
    device = open_device("jax", image.fabric, shard=shard)
    device.load(image)
    samples = device.run(SCHEDULE, replicas=6)
    np.save(f"{out}.part.npy", samples.sites)
    os.rename(f"{out}.part.npy", out)
    if ends == "FOREVER":
        device.run(Schedule(10**9, 1), replicas=6)


if __name__ == "__main__":
    main()
