"""A plan as C++: `src/network.cpp` and `src/weights_info.hpp`."""

from .network import network_cpp as network_cpp
from .weights import weights_info_header as weights_info_header
