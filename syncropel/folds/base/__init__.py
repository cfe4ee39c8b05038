"""What several folds share: the order of records, and the original author of a control record."""
