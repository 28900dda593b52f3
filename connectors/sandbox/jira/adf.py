"""Conversion between plain text and the Atlassian Document Format (ADF) of Jira's API version 3."""

from __future__ import annotations

from typing import Any


def text_to_adf(text: str) -> dict[str, Any]:
    """Return the text as paragraphs; single line ends become hard breaks."""
    blocks = [block for block in text.split("\n\n") if block]
    return {"type": "doc", "version": 1, "content": [_paragraph(block) for block in blocks]}


def _paragraph(block: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    for line in block.split("\n"):
        content += [{"type": "hardBreak"}] if content else []
        content += [{"type": "text", "text": line}] if line else []
    return {"type": "paragraph", "content": content}


def is_adf(value: object) -> bool:
    return isinstance(value, dict) and value.get("type") == "doc" and isinstance(value.get("content"), list)


def adf_to_text(node: Any) -> str:
    """Return the text of a document; blocks are separated by an empty line."""
    if not isinstance(node, dict):
        return ""
    if node.get("type") == "text":
        return str(node.get("text", ""))
    if node.get("type") == "hardBreak":
        return "\n"
    if node.get("type") == "mention":
        return f"[~accountid:{node.get('attrs', {}).get('id', '')}]"
    separator = "\n\n" if node.get("type") == "doc" else ""
    return separator.join(adf_to_text(child) for child in node.get("content") or [])
