"""What several folds share: the order of records, and who said a control record first."""
