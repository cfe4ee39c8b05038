"""Writing and spreading control: freezes, drains, rules, accounts."""
