"""``thermofab demo``: one THRML program through the whole system, with a report."""
