"""`mmbench.stages.prepare`, under the name that dvc.yaml runs."""

import sys

from mmbench.stages.prepare import main
from mmbench.stages.prepare import prepare as prepare

if __name__ == "__main__":
    sys.exit(main())
