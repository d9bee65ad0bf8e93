"""MkDocs hook: every tutorial as a page, with the outputs and pictures of its cells.

A code cell's metadata say what its picture shows, for readers who do not see it (``# %% picture="…"``), and in what
language its text is (``# %% output="python"``).
"""

import base64
import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from nbformat import NotebookNode

sys.path.insert(0, str(Path(__file__).resolve().parent))
from execute import outputs_of, tutorials  # noqa: E402 (beside this file, which MkDocs loads by its path)

IMAGES = {"image/svg+xml": "svg", "image/png": "png"}
# A link to a tutorial's file, as it stands in the repository and in a notebook; on the site it leads to the page.
TUTORIAL_LINK = re.compile(r"\]\(((?:\w+/)*\d\d_\w+)\.py\)")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    paths = tutorials()
    for path, notebook in zip(paths, outputs_of(paths), strict=True):
        page, images = page_of(notebook, path.stem)
        files.append(File.generated(config, f"tutorials/{path.stem}.md", content=page))
        for name, content in images.items():
            files.append(File.generated(config, f"tutorials/{name}", content=content))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    return TUTORIAL_LINK.sub(r"](\1.md)", markdown)


def page_of(notebook: NotebookNode, stem: str) -> tuple[str, dict[str, bytes]]:
    """Markdown of an executed notebook, and its images by file name."""
    parts: list[str] = []
    images: dict[str, bytes] = {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif cell.cell_type == "code":
            parts.append(fenced("python", cell.source))
            for output in cell.outputs:
                parts.append(shown(output, cell.metadata, stem, images))
    title, *rest = parts
    opening = f"*A notebook: [{stem}.py](./{stem}.py). [How to open it](index.md#open-them-as-notebooks).*"
    return "\n\n".join([title.split("\n", 1)[0], opening, *title.split("\n", 1)[1:], *rest]) + "\n", images


def shown(
    output: NotebookNode,
    metadata: NotebookNode,
    stem: str,
    images: dict[str, bytes],
) -> str:
    """An output as Markdown; a picture is added to ``images``."""
    if output.output_type == "stream":
        return fenced(metadata.get("output", "text"), output.text)
    data = output.get("data", {})
    for kind, ending in IMAGES.items():
        if kind in data:
            name = f"{stem}-{len(images) + 1}.{ending}"
            images[name] = data[kind].encode() if ending == "svg" else base64.b64decode(data[kind])
            return f"![{metadata.get('picture', '')}]({name})"
    if "text/html" in data:
        return f'<div class="tutorial-output">{data["text/html"]}</div>'
    return fenced("text", data["text/plain"]) if "text/plain" in data else ""


def fenced(language: str, text: str) -> str:
    marks = "{ .text .tutorial-output }" if language == "text" else language
    return f"```{marks}\n{COLOURS.sub('', text).rstrip()}\n```"
