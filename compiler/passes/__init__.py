"""The passes: one file each; a frozen dataclass from :class:`~thermofab.compiler.ir.draft.Draft` to Draft.

To add one: a file here and a line in :func:`thermofab.compiler.pipeline.passes` (docs/compiler.md).
"""
