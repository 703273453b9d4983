"""`mmbench.stages.report`, under the name that dvc.yaml runs."""

import sys

from mmbench.stages.report import main
from mmbench.stages.report import report as report

if __name__ == "__main__":
    sys.exit(main())
