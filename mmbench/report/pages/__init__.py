"""The report as HTML, Markdown and LaTeX: loops over sections."""
