// Included where the rounding of each operation or a NaN decides: cmake/exact_math.cmake gives these sources their
// flags, and a build without it stops here instead of giving other pixels.
#pragma once

#include <cfloat>

// Compilers define the first for all of -ffast-math, GCC and Clang the others for its parts.
#if defined(__FAST_MATH__) || defined(_M_FP_FAST) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ != 0) || \
    defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || defined(__NO_SIGNED_ZEROS__)
#error "-ffast-math (-Ofast, /fp:fast) gives other results than Pillow and PyTorch: add -fno-fast-math (/fp:precise)"
#endif

// 16: as 0, on processors that compute in half precision, too.
#if FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 16
#error "floats are computed in a wider type (FLT_EVAL_METHOD), other than Pillow's: on x86 add -msse2 -mfpmath=sse"
#endif
