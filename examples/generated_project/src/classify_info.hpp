// What the first output means, by the goldens.
#pragma once

#include "sample/classify.hpp"

namespace sample {

inline constexpr Scores kScores = Scores::logits;

}  // namespace sample
