"""A plan as C++: `src/network.cpp` and `src/weights_info.hpp`."""

from .emit_network import network_cpp as network_cpp
from .emit_weights import weights_info_header as weights_info_header
