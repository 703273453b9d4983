"""Marks on axes, tables and figures, before they become HTML, Markdown or files."""
