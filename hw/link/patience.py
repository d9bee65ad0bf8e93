"""How long to wait for an answer: from the waits before it (Jacobson 1988), within bounds.

    deviation ← ¾·deviation + ¼·|sample - mean|,   mean ← ⅞·mean + ⅛·sample,   wait = mean + 4·deviation

Each sending after the first waits twice as long as the one before. A sample must be of one sending and its own answer.
"""


class Patience:
    """Waiting times for one sort of question.

    Args:
        first: seconds to wait before any answer was seen.
        least, most: bounds.
    """

    def __init__(self, first: float, least: float = 0.03, most: float = 10.0) -> None:
        self._first, self._least, self._most = first, least, most
        self._mean: float | None = None
        self._deviation = 0.0

    def answered(self, seconds: float) -> None:
        """An answer took this long."""
        if self._mean is None:
            self._mean, self._deviation = seconds, seconds / 2
        else:
            self._deviation += (abs(seconds - self._mean) - self._deviation) / 4
            self._mean += (seconds - self._mean) / 8

    def seconds(self, sendings: int = 1) -> float:
        """How long to wait for an answer to the latest of so many sendings."""
        wait = self._first if self._mean is None else max(self._least, self._mean + 4 * self._deviation)
        return min(self._most, wait * 2 ** min(sendings - 1, 16))
