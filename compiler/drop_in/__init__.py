"""sample_states and sample_with_observation: THRML's calls of these names, on a fabric.

``calls`` has the two functions, ``sampling`` what a call asks for and one run of it, ``traced`` the call under ``jit``
and ``vmap``, ``programs`` what was compiled before, ``keys`` the seeds of JAX keys.
"""

from thermofab.compiler.drop_in.calls import sample_states, sample_with_observation

__all__ = ["sample_states", "sample_with_observation"]
