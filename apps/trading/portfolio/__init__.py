"""Portfolios: many assets' returns as one joint distribution, each asset through its own volatility filter."""
