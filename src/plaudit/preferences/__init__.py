"""Preference data: the record, its formats, groups and splits. Knows no model and no tokenizer."""
