import sys

from hw.cli import main

sys.exit(main())
