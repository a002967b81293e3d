// Included where the rounding of each operation or a NaN decides: cmake/exact_math.cmake gives these sources their flags,
// and a build without it stops here instead of giving other pixels.
#pragma once

#include <cfloat>

#if defined(__FAST_MATH__) || defined(_M_FP_FAST) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ != 0)
#error "This source is compiled with -ffast-math (or -Ofast, /fp:fast): its results would not be those of Pillow and PyTorch. Add -fno-fast-math (MSVC: /fp:precise) behind that flag, or build it with its own CMakeLists.txt, which does so."
#endif

// 16: as 0, on processors that compute in half precision, too.
#if FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 16
#error "Here floats are computed in another precision than their own (FLT_EVAL_METHOD): the results would not be those of Pillow and PyTorch. On 32-bit x86 add -msse2 -mfpmath=sse."
#endif
