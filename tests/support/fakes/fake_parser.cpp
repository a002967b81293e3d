// The fault double's ONNX parser: it reads no ONNX, but takes the table that belongs to the file's bytes.
#include <fstream>
#include <iterator>

#include "fake_nvinfer.hpp"

namespace {

using namespace gencpp_double;
using nvonnxparser::ErrorCode;

class FakeError final : public nvonnxparser::StubIParserError {
 public:
  FakeError(ErrorCode code, std::string desc, int node, std::string name, std::string op) : code_(code), desc_(std::move(desc)), node_(node), name_(std::move(name)), operator_(std::move(op)) {}
  ErrorCode code() const override { return code_; }
  char const* desc() const override { return desc_.c_str(); }
  char const* file() const override { return "importerUtils.cpp"; }
  int line() const override { return 42; }
  char const* func() const override { return "importNode"; }
  int node() const override { return node_; }
  char const* nodeName() const { return name_.c_str(); }
  char const* nodeOperator() const { return operator_.c_str(); }
  char const* const* localFunctionStack() const { return nullptr; }
  std::int32_t localFunctionStackSize() const { return 0; }

 private:
  ErrorCode code_;
  std::string desc_;
  int node_;
  std::string name_;
  std::string operator_;
};

class FakeParser final : public nvonnxparser::StubIParser, public Owned {
 public:
  FakeParser(nvinfer1::INetworkDefinition* network, nvinfer1::ILogger* logger) : Owned("IParser", builder_of(*network), logger), network_(*network) {}
  ~FakeParser() noexcept override { *alive_ = false; }

#if NV_TENSORRT_MAJOR < 10
  bool parse(void const* model, std::size_t bytes, const char*) override { return parse_bytes(model, bytes); }
  bool parseFromFile(const char* file, int) override { return parse_file(file); }
  bool supportsOperator(const char* op) const override { return supports(op); }
  int getNbErrors() const override { return count(); }
  nvonnxparser::IParserError const* getError(int i) const override { return error(i); }
  void clearErrors() override { errors_.clear(); }
#else
  bool parse(void const* model, std::size_t bytes, const char*) noexcept override { return parse_bytes(model, bytes); }
  bool parseFromFile(char const* file, int) noexcept override { return parse_file(file); }
  bool supportsOperator(char const* op) const noexcept override { return supports(op); }
  int getNbErrors() const noexcept override { return count(); }
  nvonnxparser::IParserError const* getError(int i) const noexcept override { return error(i); }
  void clearErrors() noexcept override { errors_.clear(); }
#endif
  bool supportsModelV2(void const*, std::size_t, char const*) noexcept { return !unsupported(); }
  void setFlags(std::uint32_t flags) noexcept { flags_ = flags; }
  std::uint32_t getFlags() const noexcept { return flags_; }

 private:
  int count() const { return static_cast<int>(errors_.size()); }
  nvonnxparser::IParserError const* error(int i) const { return i < count() ? errors_[static_cast<std::size_t>(i)].get() : nullptr; }
  void fail(ErrorCode code, const std::string& desc, int node, const std::string& name, const std::string& op) {
    errors_.push_back(std::make_unique<FakeError>(code, desc, node, name, op));
    complain("ModelImporter.cpp:948: While parsing node number " + std::to_string(node) + " [" + op + " -> \"" + name + "\"]: " + desc);
  }
  // The fault takes away two operators that classifiers have.
  static bool supports(const std::string& op) { return (op != "Relu" && op != "Gemm") || !faulty("unsupported_operators"); }
  bool unsupported() {
    if (supports("Relu")) {
      return false;
    }
    fail(ErrorCode::kUNSUPPORTED_NODE, "No importer registered for op: Relu. Attempting to import as plugin.", 1, "node_relu", "Relu");
#if NV_TENSORRT_MAJOR >= 10  // before, the parser stops at the first
    fail(ErrorCode::kUNSUPPORTED_NODE, "No importer registered for op: Gemm. Attempting to import as plugin.", 5, "node_linear", "Gemm");
#endif
    return true;
  }
  bool parse_file(const char* file) {
    std::ifstream in(file, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    return parse_bytes(bytes.data(), bytes.size());
  }
  bool parse_bytes(const void* model, std::size_t bytes) {
    note("parse");
    if (unsupported()) {
      return false;
    }
    if (faulty("parse_errors")) {
      fail(ErrorCode::kINVALID_NODE, "Assertion failed: inputs.at(0).is_weights(): the first double error", 1, "conv1", "Conv");
      fail(ErrorCode::kINVALID_GRAPH, "Assertion failed: the second double error", 5, "fc", "Gemm");
      return false;
    }
    auto table = Table::of_onnx(model, bytes);
    if (table == nullptr) {
      fail(ErrorCode::kMODEL_DESERIALIZE_FAILED, "Failed to parse ONNX model: no table of the double is for these " + std::to_string(bytes) + " bytes", -1, "", "");
      return false;
    }
    return fill_network(network_, std::move(table), alive_);
  }

  nvinfer1::INetworkDefinition& network_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::vector<std::unique_ptr<FakeError>> errors_;
  std::uint32_t flags_ = 0;
};

}  // namespace

#if NV_TENSORRT_MAJOR < 10
extern "C" void* createNvOnnxParser_INTERNAL(void* network, void* logger, int) {
#else
extern "C" void* createNvOnnxParser_INTERNAL(void* network, void* logger, int) noexcept {
#endif
  return faulty("parser_null") ? nullptr : static_cast<nvonnxparser::IParser*>(new FakeParser(static_cast<nvinfer1::INetworkDefinition*>(network), static_cast<nvinfer1::ILogger*>(logger)));
}
extern "C" int getNvOnnxParserVersion() noexcept { return static_cast<int>(NV_ONNX_PARSER_MAJOR); }
