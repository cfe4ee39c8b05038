"""The application around the screens: opening it, its keys, commands, themes, and notices."""
