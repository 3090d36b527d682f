"""Health check of a service: exit code 0 when the address given answers well."""

import sys
from urllib.request import urlopen

with urlopen(sys.argv[1], timeout=8) as answer:  # noqa: S310
    sys.exit(answer.status != 200)
