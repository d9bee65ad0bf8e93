"""The spatial fabric as its host sees it: which site stands in which lane, registers, loading."""
