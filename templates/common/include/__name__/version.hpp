// Versions, for hosts that check them.
#pragma once

// Of this API; it grows with every change that can break a caller.
#define {= NAME =}_API_VERSION 2

// Of this project, as CMake and the package have it.
#define {= NAME =}_VERSION "{= version =}"
