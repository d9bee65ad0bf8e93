"""The report of a portfolio's risk: one HTML file that needs nothing beside it."""
