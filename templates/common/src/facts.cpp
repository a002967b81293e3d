#include "facts.hpp"

#include "{= name =}/model_info.hpp"
#include "{= name =}/preprocess.hpp"

#include "artifact_info.hpp"

namespace {= name =} {
namespace {

TensorInfo to_info(const TensorFacts& facts) {
  TensorInfo info;
  info.name = facts.name;
  info.dtype = facts.dtype;
  info.min = facts.min;
  info.opt = facts.opt;
  info.max = facts.max;
  info.fill = facts.fill;
  if (facts.batch >= 0) {
    info.batch = static_cast<std::size_t>(facts.batch);
  }
  info.dims = facts.opt;
  for (std::size_t i = 0; i < facts.min.size(); ++i) {
    if (facts.min[i] != facts.max[i]) {
      info.dims[i] = kUnknownSize;
    }
  }
  return info;
}

template <typename Facts>
std::vector<TensorInfo> to_infos(const Facts& all) {
  std::vector<TensorInfo> infos;
  for (const TensorFacts& facts : all) {
    infos.push_back(to_info(facts));
  }
  return infos;
}

}  // namespace

const ArtifactFacts& artifact_facts() noexcept {
  static constexpr ArtifactFacts facts{
      kArtifactFile, kArtifactSize, kArtifactSha256, kArtifactHeadTailSha256, kArtifactFletcher4};
  return facts;
}

const ArtifactFacts* artifact_data_facts() noexcept {
  static constexpr ArtifactFacts facts{
      kArtifactDataFile, kArtifactDataSize, kArtifactDataSha256, kArtifactDataHeadTailSha256, kArtifactDataFletcher4};
  return kArtifactDataSize > 0 ? &facts : nullptr;
}

const char* labels_sha256() noexcept { return kLabelsSha256; }

std::string weights_warning() { return std::string(kWeightsWarning); }

std::vector<TensorInfo> input_infos() { return to_infos(kInputs); }

std::vector<TensorInfo> output_infos() { return to_infos(kOutputs); }

const PreprocessOptions& model_preprocess() {
  static const PreprocessOptions options = [] {
    PreprocessOptions made;
    made.geometry.assign(kGeometry.begin(), kGeometry.end());
    made.rescale = kRescale;
    made.normalize = kNormalize;
    made.channels = kChannels;
    made.mean = kMean;
    made.std = kStd;
    return made;
  }();
  return options;
}

}  // namespace {= name =}
