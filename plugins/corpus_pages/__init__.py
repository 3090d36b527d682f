"""The pages of the plugin "Corpus"."""
