// Marks the namespace in the headers of this folder: a shared library shows what they declare, and nothing else. Where
// the library is static, what a host makes of it shows nothing that the host does not.
#pragma once

#if defined(SAMPLE_SHARED) && defined(__GNUC__)  // CMake and pkg-config define it
#define SAMPLE_PUBLIC [[gnu::visibility("default")]]
#else  // or MSVC: CMake exports all symbols
#define SAMPLE_PUBLIC
#endif
