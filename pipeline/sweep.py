"""`mmbench.stages.sweep`, under the name that dvc.yaml runs."""

import sys

from mmbench.stages.sweep import main
from mmbench.stages.sweep import sweep as sweep

if __name__ == "__main__":
    sys.exit(main())
