"""`python -m gateway` is `noaber gateway`."""

import sys

from accord.cli import main

sys.argv.insert(1, "gateway")
main()
