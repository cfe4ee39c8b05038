"""The pages of the reference that are made from the code. `python -m docs_tools` writes them anew."""
