"""The generated pages of the reference. `python -m docs_tools` writes them."""
