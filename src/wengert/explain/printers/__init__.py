"""Printers: terminal text, LaTeX, HTML with MathML, JSON."""
