"""What the console shows, as frozen values and pure functions. Nothing here knows Textual."""
