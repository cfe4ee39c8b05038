"""The output of attempts: read where it was written, asked for elsewhere, and followed as it grows."""
