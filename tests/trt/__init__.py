"""Building against TensorRT's headers."""

import os

ALL_VERSIONS = bool(os.environ.get("GENCPP_ALL_VERSIONS"))
"""Whether whole projects are built against every version, which takes a quarter of an hour more."""
