"""What all commands share: parsing, output, the connection, waiting."""
