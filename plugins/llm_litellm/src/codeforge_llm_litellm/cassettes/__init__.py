"""Cassettes: folders of JSON files, one exchange with a model each, that are replayed without a model."""
