"""Jobs that outlive whoever started them: on this machine, or on a cluster."""
