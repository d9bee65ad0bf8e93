"""The passes: one file each; a frozen dataclass that takes a stage and makes the next
(:class:`~thermofab.compiler.passes.base.Pass`).

To add one: a file here and a line in :data:`thermofab.compiler.passes.pipelines.PASSES` (docs/extending.md).
"""
