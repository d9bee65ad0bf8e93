"""The contract in C++, compiled for this machine's vector units: replicas in the lanes of a register."""
