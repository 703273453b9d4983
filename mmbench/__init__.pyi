from mmbench.api import Architecture as Architecture
from mmbench.api import Attention as Attention
from mmbench.api import Dataset as Dataset
from mmbench.api import Fusion as Fusion
from mmbench.api import Heads as Heads
from mmbench.api import IntermediateFusion as IntermediateFusion
from mmbench.api import Pooling as Pooling
from mmbench.api import Results as Results
from mmbench.api import UserError as UserError
from mmbench.api import build_model as build_model
from mmbench.api import check as check
from mmbench.api import compare as compare
from mmbench.api import dataset as dataset
from mmbench.api import dataset_from_loaders as dataset_from_loaders
from mmbench.api import load_results as load_results
from mmbench.api import run as run

__version__: str
