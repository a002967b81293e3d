#include "network/trt_weights.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "assets/input_file.hpp"
#include "assets/integrity.hpp"
#include "assets/path_text.hpp"
#include "tensorrt/compat.hpp"
#include "weights_info.hpp"

#if !defined(_WIN32)
#include <sys/mman.h>
#endif

namespace {= name =}::trt {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxNear = 3;

struct Bytes {
  std::shared_ptr<const void> memory;
  std::uint64_t size = 0;
};

Error cannot_read(const fs::path& file, ErrorCode code, const std::string& why) {
  return Error{code, "cannot read the weights " + path_text(file) + ": " + why};
}

#if defined(_WIN32)

Result<Bytes> map_file(const fs::path& file) {
  InputFile in;
  const Result<std::uint64_t> size = in.open(file);
  if (!size) {
    return cannot_read(file, size.error().code, size.error().message);
  }
  // int64 elements, so that the arrays are aligned
  const auto memory = std::make_shared<std::vector<std::int64_t>>(static_cast<std::size_t>(*size) / 8 + 1);
  if (!in.read(reinterpret_cast<char*>(memory->data()), static_cast<std::streamsize>(*size))) {
    return cannot_read(file, ErrorCode::io, "reading failed");
  }
  return Bytes{std::shared_ptr<const void>(memory, memory->data()), *size};
}

#else

Result<Bytes> map_file(const fs::path& file) {
  InputFile in;
  const Result<std::uint64_t> opened = in.open(file);
  if (!opened) {
    return cannot_read(file, opened.error().code, opened.error().message);
  }
  const auto size = static_cast<std::size_t>(*opened);
  void* memory = size > 0 ? ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, in.descriptor(), 0)
                          : nullptr;  // stays when the file is closed
  if (memory == MAP_FAILED) {
    return cannot_read(file, ErrorCode::io, "it cannot be mapped into memory");
  }
  return Bytes{std::shared_ptr<const void>(memory, [size](const void* mapped) {
                 if (mapped != nullptr) {
                   ::munmap(const_cast<void*>(mapped), size);
                 }
               }),
      size};
}

#endif

std::uint64_t expected_size() {
  std::uint64_t size = 0;
  for (const WeightInfo& info : kWeights) {
    size = std::max(size, info.offset + info.size);
  }
  return size;
}

Error damaged(const std::string& what) {
  return Error{ErrorCode::integrity,
      what + ". The weights were truncated, swapped or edited: restore the file, or generate the project anew."};
}

// Empty where a value does not fit.
std::optional<std::vector<std::int32_t>> narrowed(const void* data, std::size_t count) {
  std::vector<std::int32_t> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::int64_t value = 0;
    std::memcpy(&value, static_cast<const char*>(data) + i * sizeof value, sizeof value);
    if (value < std::numeric_limits<std::int32_t>::min() || value > std::numeric_limits<std::int32_t>::max()) {
      return std::nullopt;
    }
    values[i] = static_cast<std::int32_t>(value);
  }
  return values;
}

// How many letters have to be added, dropped or changed.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

}  // namespace

Result<Weights> Weights::open(const NetworkSource& source) {
  const bool embedded = source.embedded.data != nullptr;
  const std::string where = embedded ? "the embedded weights" : path_text(source.file);
  Bytes bytes;
  if (embedded) {
    bytes = {std::shared_ptr<const void>(std::shared_ptr<void>(), source.embedded.data), source.embedded.size};
  } else {
    Result<Bytes> mapped = map_file(source.file);
    if (!mapped) {
      return mapped.error();
    }
    bytes = *std::move(mapped);
  }
  if (bytes.size != expected_size()) {
    return damaged(
        where + " has " + std::to_string(bytes.size) + " bytes, expected " + std::to_string(expected_size()));
  }
  Weights weights;
  weights.memory_ = bytes.memory;
  weights.arrays_.reserve(kWeights.size());
  for (const WeightInfo& info : kWeights) {
    const char* data = static_cast<const char*>(bytes.memory.get()) + info.offset;
    Sha256 hash;
    hash.update(data, static_cast<std::size_t>(info.size));
    if (const std::string found = hash.hex(); found != info.sha256) {
      return damaged("array '" + std::string(info.name) + "' in " + where + " has sha256 " + found + ", expected " +
          std::string(info.sha256));
    }
    const std::optional<nvinfer1::DataType> type = to_trt(info.dtype);
    if (!type) {
      return Error{ErrorCode::unsupported,
          "array '" + std::string(info.name) + "' is " + to_string(info.dtype) + ", which " + kProduct +
              " has no tensors of"};
    }
    Array array;
    array.name = info.name;
    array.dims = info.dims;
    array.values = nvinfer1::Weights{*type, data, info.dims.elements()};
    if (info.dtype == DType::int64 && from_trt(*type) == DType::int32) {
      std::optional<std::vector<std::int32_t>> narrow = narrowed(data, static_cast<std::size_t>(info.dims.elements()));
      if (!narrow) {
        return Error{ErrorCode::unsupported,
            "array '" + array.name + "' holds values beyond int32, which " + kProduct + " " + to_string(kHeaders) +
                " has for indices"};
      }
      weights.narrow_.push_back(*std::move(narrow));
      array.values.values = weights.narrow_.back().data();
    }
    weights.arrays_.push_back(std::move(array));
  }
  std::sort(
      weights.arrays_.begin(), weights.arrays_.end(), [](const Array& a, const Array& b) { return a.name < b.name; });
  return weights;
}

std::size_t Weights::position(std::string_view name) const {
  const auto found = std::lower_bound(arrays_.begin(), arrays_.end(), name,
      [](const Array& array, std::string_view wanted) { return array.name < wanted; });
  return found == arrays_.end() || found->name != name ? arrays_.size()
                                                       : static_cast<std::size_t>(found - arrays_.begin());
}

const Weights::Array* Weights::use(std::string_view name) {
  const std::size_t at = position(name);
  if (at == arrays_.size()) {
    return nullptr;
  }
  arrays_[at].used = true;
  return &arrays_[at];
}

std::vector<std::string> Weights::near(std::string_view name) const {
  std::vector<std::pair<std::size_t, std::string>> candidates;
  for (const Array& array : arrays_) {
    const std::size_t far = distance(name, array.name);
    if (far <= std::max<std::size_t>(2, name.size() / 3)) {
      candidates.emplace_back(far, array.name);
    }
  }
  std::sort(candidates.begin(), candidates.end());
  std::vector<std::string> names;
  for (std::size_t i = 0; i < candidates.size() && i < kMaxNear; ++i) {
    names.push_back(std::move(candidates[i].second));
  }
  return names;
}

std::vector<std::string> Weights::unused() const {
  std::vector<std::string> names;
  for (const Array& array : arrays_) {
    if (!array.used) {
      names.push_back(array.name);
    }
  }
  return names;
}

}  // namespace {= name =}::trt
