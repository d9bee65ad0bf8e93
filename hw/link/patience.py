"""How long to wait for an answer: from the round trips seen (Jacobson 1988), within bounds.

    deviation ← ¾·deviation + ¼·|sample - mean|,   mean ← ⅞·mean + ⅛·sample,   wait = mean + 4·deviation

A round trip that took more than one sending is no sample, and the next wait starts as long as its last one was, so
that a line slower than thought is learnt too (Karn 1987); each sending after the first waits twice as long.
"""


class Patience:
    """Waiting times of one line.

    Args:
        first: seconds to wait before any round trip is known.
        least, most: bounds.
    """

    def __init__(self, first: float = 0.25, least: float = 0.03, most: float = 10.0) -> None:
        self._mean, self._deviation, self._least, self._most = first / 2, first / 8, least, most
        self._doubled = 0

    def answered(self, seconds: float, sendings: int) -> None:
        """An answer came so long after the latest of so many sendings."""
        self._doubled = min(sendings - 1, 8)
        if sendings == 1:
            self._deviation += (abs(seconds - self._mean) - self._deviation) / 4
            self._mean += (seconds - self._mean) / 8

    def seconds(self, sendings: int = 1) -> float:
        """How long to wait for an answer to the latest of so many sendings."""
        wait = max(self._least, self._mean + 4 * self._deviation)
        return min(self._most, wait * 2 ** min(self._doubled + sendings - 1, 16))
