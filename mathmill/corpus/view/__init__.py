"""What a person sees of a corpus build; reads the build's tables without Spark, little at a time."""
