"""The type of most arrays here."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
"""float64; what its shape, unit and frame are, the docstring beside it says."""
