"""What the link's memories ask of synthesis.

No word is needed that was read in the clock that writes it, so what such a read gives does not matter; without this
attribute Yosys builds logic around each block RAM that gives the old word.
"""

DONT_CARE = {"no_rw_check": 1}
