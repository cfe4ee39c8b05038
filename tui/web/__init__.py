"""The same console in a browser on this machine. Imported by `spl console --web` only."""
