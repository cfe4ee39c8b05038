"""The output of attempts: read where it was written, requested from elsewhere, and followed as it grows."""
