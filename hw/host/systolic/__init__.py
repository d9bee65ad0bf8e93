"""The systolic fabric as its host sees it: where sites and slots are, registers, loading."""
