// Marks the namespace in the headers of this folder: a shared library shows what they declare, and nothing else.
#pragma once

#if defined(__GNUC__)
#define SAMPLE_PUBLIC [[gnu::visibility("default")]]
#else  // for MSVC, CMake exports all symbols
#define SAMPLE_PUBLIC
#endif
