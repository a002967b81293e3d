// Marks the namespace in the headers of this folder: a shared library shows what they declare, and nothing else.
#pragma once

#if defined(__GNUC__)
#define {= NAME =}_PUBLIC [[gnu::visibility("default")]]
#else  // for MSVC, CMake exports all symbols
#define {= NAME =}_PUBLIC
#endif
