"""The report of a study: one HTML file that needs nothing beside it, and PNG, CSV and JSON for those who want these."""
