// The fault double: a network that a program defines layer by layer, and what TensorRT would refuse in it.
#include "fake_network.hpp"

#include <algorithm>
#include <mutex>
#include <set>

namespace gencpp_double {
namespace {

constexpr int kApi = NV_TENSORRT_MAJOR * 100 + NV_TENSORRT_MINOR;

// Layers and tensors of networks that are gone.
struct Graveyard {
  std::mutex mutex;
  std::vector<std::unique_ptr<AnyLayer>> layers;
  std::vector<std::unique_ptr<FakeTensor>> tensors;
};
Graveyard& graveyard() {
  static Graveyard* all = new Graveyard;
  return *all;
}

std::string text_of(const std::string& name, int dtype, const Sizes& sizes) { return name + " " + std::to_string(dtype) + " " + gencpp_double::text_of(sizes); }
std::string text_of(const TensorRow& row) { return text_of(row.name, dtype_here(row.dtype), row.sizes()); }
std::string text_of(const FakeTensor& tensor) { return text_of(tensor.getName(), static_cast<int>(tensor.getType()), sizes_of(tensor.getDimensions())); }

bool has_inputs(const Table& table, const std::vector<FakeTensor*>& inputs) {
  return std::equal(inputs.begin(), inputs.end(), table.inputs.begin(), table.inputs.end(), [](const FakeTensor* tensor, const TensorRow& row) { return text_of(*tensor) == text_of(row); });
}

}  // namespace

// --- tensors ---

const TensorRow& FakeTensor::facts() const { return facts_ ? *facts_ : network().facts_of(*maker, index); }

Dims FakeTensor::getDimensions() const noexcept {
  Dims dims = dims_of(facts().sizes());
  dims.nbDims = maker != nullptr && maker->shapeless ? -1 : dims.nbDims;
  return dims;
}

// --- layers ---

LayerCore::LayerCore(FakeNetwork& network, const char* the_method, LayerType type, ILayer& the_face, const std::vector<ITensor*>& inputs, int outputs) : OfNetwork(network), place(network.layers.size()), method(the_method), face(the_face), shapeless(faulty("layer_shapeless")), type_(type), name_("(Unnamed Layer* " + std::to_string(place) + ")") {
  for (ITensor* input : inputs) {
    if (input == nullptr) {
      violation(std::string(method) + ": an input is null");
    }
    inputs_.push_back(&network.own(*input));
  }
  for (int i = 0; i < outputs; ++i) {
    outputs_.push_back(std::make_unique<FakeTensor>(network, name_ + "_output_" + std::to_string(i), *this, i));
  }
}

void LayerCore::setInput(std::int32_t i, ITensor& tensor) noexcept {
  const auto at = static_cast<std::size_t>(i);
  inputs_.resize(std::max(inputs_.size(), at + 1), nullptr);
  inputs_[at] = &network().own(tensor);
  for (const auto& [input, attribute] : computed_) {
    if (input == i) {
      attributes.erase(attribute);
    }
  }
}

void LayerCore::setOutputType(std::int32_t i, DataType type) noexcept {
  if (network().strongly_typed()) {
    violation("ILayer::setOutputType on a strongly typed network");
  }
  set(i == 0 ? "outputType" : "outputType" + std::to_string(i), type);
}

void LayerCore::set_json(const std::string& name, std::string value) {
  (void)network();
  for (const auto& [input, attribute] : computed_) {
    const auto at = static_cast<std::size_t>(input);
    if (attribute == name && at < inputs_.size()) {
      inputs_[at] = nullptr;
    }
  }
  attributes[name] = std::move(value);
}

void LayerCore::bury_all() {
  bury();
  for (const auto& output : outputs_) {
    output->bury();
  }
}

// --- the network ---

FakeNetwork::~FakeNetwork() {
  if (!recorded_ && !parsed_ && !layers.empty()) {
    record(false);
  }
  const std::lock_guard lock(graveyard().mutex);
  for (auto& layer : layers) {
    layer->core.bury_all();
    graveyard().layers.push_back(std::move(layer));
  }
  for (auto& tensor : tensors_) {
    tensor->bury();
    graveyard().tensors.push_back(std::move(tensor));
  }
}

ITensor* FakeNetwork::addInput(char const* name, DataType type, DimsIn dims) noexcept {
  if (implicit_batch()) {
    violation("INetworkDefinition::addInput on a network with an implicit batch dimension");
  }
  if (faulty("input_null")) {
    complain("INetworkDefinition::addInput: Error Code 3: API Usage Error (the double refuses the input)");
    return nullptr;
  }
  TensorRow row;
  row.name = name;
  row.dtype = static_cast<int>(type);
  for (const std::int64_t size : sizes_of(dims)) {
    row.dims.push_back({size});
  }
  tensors_.push_back(std::make_unique<FakeTensor>(*this, row, true));
  inputs.push_back(tensors_.back().get());
  return inputs.back();
}

void FakeNetwork::markOutput(ITensor& tensor) noexcept {
  FakeTensor& marked = own(tensor);
  if (marked.isNetworkInput() || marked.isNetworkOutput()) {
    violation(std::string("INetworkDefinition::markOutput of ") + marked.getName() + ", which is an input or an output already");
  }
  marked.mark();
  outputs.push_back(&marked);
}

FakeTensor& FakeNetwork::own(ITensor& tensor) {
  auto& fake = static_cast<FakeTensor&>(tensor);
  if (&fake.network() != this) {
    violation(std::string("the tensor ") + fake.getName() + " is of another network");
  }
  return fake;
}

const TensorRow& FakeNetwork::facts_of(const LayerCore& layer, int output) {
  find_table();
  if (layer.place >= made_->size() || static_cast<std::size_t>(output) >= (*made_)[layer.place].size()) {
    record(false);
    violation("the table has no layer " + std::to_string(layer.place) + " with an output " + std::to_string(output) + ": " + layer.method + " " + layer.getName());
  }
  return (*made_)[layer.place][static_cast<std::size_t>(output)];
}

// The one that has these inputs. If there are two, nothing tells which.
void FakeNetwork::find_table() {
  if (made_ != nullptr) {
    return;
  }
  for (const auto& candidate : Table::all()) {
    if (candidate->made_for(kApi) != nullptr && has_inputs(*candidate, inputs)) {
      if (table != nullptr) {
        violation("two tables of GENCPP_DOUBLE_MODEL have the inputs of this network");
      }
      table = candidate;
    }
  }
  if (table == nullptr) {
    violation("no table of GENCPP_DOUBLE_MODEL has layers, and the inputs of this network");
  }
  made_ = table->made_for(kApi);
}

void FakeNetwork::parse(std::shared_ptr<const Table> parsed) {
  parsed_ = true;
  table = std::move(parsed);
  for (const auto* rows : {&table->inputs, &table->outputs}) {
    const bool input = rows == &table->inputs;
    for (const TensorRow& row : *rows) {
      tensors_.push_back(std::make_unique<FakeTensor>(*this, row, input));
      (input ? inputs : outputs).push_back(tensors_.back().get());
    }
  }
}

bool FakeNetwork::complete() {
  if (outputs.empty()) {
    complain("IBuilder::buildSerializedNetwork: Error Code 4: Internal Error (Network must have at least one output)");
    return false;
  }
  if (parsed_) {
    return true;
  }
  find_table();
  record(true);
  for (std::size_t i = 0; i < std::max(outputs.size(), table->outputs.size()); ++i) {
    const std::string found = i < outputs.size() ? outputs[i]->getName() : "none";
    const std::string expected = i < table->outputs.size() ? table->outputs[i].name : "none";
    if (found != expected) {
      violation("output " + std::to_string(i) + " of the network is " + found + ", the table has " + expected);
    }
  }
  return check_names();
}

bool FakeNetwork::check_names() {
  std::set<std::string> names;
  for (const auto& layer : layers) {
    if (!names.insert(layer->core.getName()).second) {
      complain(std::string("IBuilder::buildSerializedNetwork: Error Code 4: Internal Error (Repeated layer name: ") + layer->core.getName() + " (layers must have distinct names))");
      return false;
    }
  }
  return true;
}

}  // namespace gencpp_double
