"""Widgets that draw lines and compare before they draw: a row that did not change costs no bytes."""
