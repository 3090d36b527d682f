"""Jobs as processes that outlive whoever started them."""
