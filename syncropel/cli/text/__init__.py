"""Wire models in, lines of text out."""
