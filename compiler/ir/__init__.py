"""The staged representation: a program as written, coded in spins, placed, wired, quantised."""
