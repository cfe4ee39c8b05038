"""The record log in PostgreSQL."""
