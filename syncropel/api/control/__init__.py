"""The kill switch."""
