// The fault double's TensorRT: its objects are TensorRT's own classes, over stubs that generate_stubs.py
// wrote from the real headers. A function without `override` is not in every version.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "double.hpp"
#include "stubs.hpp"
#include "table.hpp"

namespace gencpp_double {

using nvinfer1::Dims;
using Severity = nvinfer1::ILogger::Severity;

#if NV_TENSORRT_MAJOR < 10
using DimsIn = Dims;  // how a few functions take them
#else
using DimsIn = Dims const&;
#endif
using DimsSize = std::remove_reference_t<decltype(Dims{}.d[0])>;

Sizes sizes_of(const Dims& dims);
Dims dims_of(const Sizes& sizes);
std::string text_of(const Sizes& sizes);  // [1,3,32,32]

// An object that TensorRT gives away: counted, with the logger of the builder or runtime that it comes from,
// which has to outlive it.
class Owned {
 public:
  Owned(const char* kind, Owned* factory, nvinfer1::ILogger* logger = nullptr) : kind_(kind), factory_(factory), logger_(logger) {
    born(kind);
    if (factory_ != nullptr) {
      ++factory_->alive_;
      logger_ = logger_ == nullptr ? factory_->logger_ : logger_;
    }
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  virtual ~Owned() {
    if (alive_ > 0) {
      violation(std::string(kind_) + " was destroyed before what it made");
    }
    if (factory_ != nullptr) {
      --factory_->alive_;
    }
    log(Severity::kVERBOSE, std::string("destroying an ") + kind_);  // the logger has to outlive all
    died(kind_);
  }
  void log(Severity severity, const std::string& message) const {
    if (logger_ != nullptr) {
      logger_->log(severity, message.c_str());
    }
  }
  void complain(const std::string& message) const { log(Severity::kERROR, message); }
  [[nodiscard]] nvinfer1::ILogger* logger() const { return logger_; }

 private:
  const char* kind_;
  Owned* factory_;
  nvinfer1::ILogger* logger_;
  std::atomic<int> alive_{0};
};

// A builder or a runtime. As TensorRT, it warns when another one that is alive has another logger.
class Factory : public Owned {
 public:
  Factory(const char* kind, const char* call, nvinfer1::ILogger* logger);
  ~Factory() override;
};

class FakeHostMemory final : public nvinfer1::IHostMemory, public nvinfer1::apiv::StubVHostMemory, public Owned {
 public:
  explicit FakeHostMemory(std::string bytes) : Owned("IHostMemory", nullptr), bytes_(std::move(bytes)) { mImpl = this; }
  ~FakeHostMemory() override { bytes_.assign(bytes_.size(), '\xDD'); }  // who still reads it gets no plan
  void* data() const noexcept override { return bytes_.data(); }
  std::size_t size() const noexcept override { return bytes_.size(); }
  nvinfer1::DataType type() const noexcept override { return nvinfer1::DataType::kINT8; }

 private:
  mutable std::string bytes_;
};

// For each profile and input: the smallest, the best and the largest dims.
struct Range {
  Sizes min;
  Sizes opt;
  Sizes max;
};
using Profiles = std::vector<std::vector<Range>>;

// What a plan holds.
struct Plan {
  int version = 0;
  Gpu gpu;
  bool hardware_compatible = false;
  bool version_compatible = false;
  bool profile_sharing = false;
  int verbosity = 0;
  Profiles profiles;
  std::shared_ptr<const Table> table;

  [[nodiscard]] std::string write() const;
  // Null, and why, when the bytes are not a whole plan.
  static std::shared_ptr<const Plan> read(const std::string& bytes, std::string& why);
};

// The data type that this version has for one of the table: 8.x knows no int64.
int dtype_here(int dtype);

// For the parser, which is another library. `alive` tells whether it, with the weights, still is.
Owned* builder_of(nvinfer1::INetworkDefinition& network);
bool fill_network(nvinfer1::INetworkDefinition& network, std::shared_ptr<const Table> table, std::shared_ptr<const bool> alive);

}  // namespace gencpp_double
