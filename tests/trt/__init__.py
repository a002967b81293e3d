"""Building against TensorRT's headers."""

import os

ALL_VERSIONS = bool(os.environ.get("GENCPP_ALL_VERSIONS"))
"""Whether everything is built against every version, and every model; else what covers the others."""
