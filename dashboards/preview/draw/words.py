"""Text panels: markdown, from which no HTML of its own and no script gets through."""

from markdown_it import MarkdownIt

from dashboards.preview.draw.scene import Drawing, Scene
from dashboards.preview.link import filled


def words(scene: Scene) -> Drawing:
    """Return the text of a panel."""
    return {"kind": "words", "html": html_of(filled(str(scene.options.get("content") or ""), scene.values))}


def html_of(markdown: str) -> str:
    """Return markdown as HTML that is safe to put into the page."""
    return str(MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table").render(markdown))
