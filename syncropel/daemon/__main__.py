"""`python -m syncropel.daemon`: run one daemon."""

import sys

from syncropel.daemon.process import main

sys.exit(main())
