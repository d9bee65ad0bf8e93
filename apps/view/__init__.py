"""``thermofab view``: a local page of a fabric that runs a program. Needs the extra ``serve``."""
