"""From web archives to a decontaminated, tokenised mathematical corpus, on Spark."""
