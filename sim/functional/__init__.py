"""The contract in JAX: jit-compiled, batched over replicas, bit for bit the reference.

``layout`` arranges sites into groups that update together, ``randomness`` steps their generators, ``kernel`` is the
sweep, ``device`` the :class:`~thermofab.hw.spec.device.Device` around it.
"""
