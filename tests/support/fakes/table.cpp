// The fault double: reading and using the table.
#include "table.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include "double.hpp"

namespace gencpp_double {
namespace {

Dimension read_dimension(const std::string& text) {
  Dimension dim;
  if (text[0] == '=') {
    dim.input = std::stoi(text.substr(1));
    dim.of = std::stoi(text.substr(text.find('.') + 1));
  } else if (text[0] == '?') {
    dim.runtime = std::stoll(text.substr(1));
  } else {
    dim.size = std::stoll(text);
  }
  return dim;
}

// Numbers that look like results and depend on the input: for inputs that the table does not know.
void invent(std::uint32_t seed, int dtype, Bytes& to) {
  for (std::size_t i = 0; i < to.size() / size_of_dtype(dtype); ++i) {
    const std::uint32_t bits = (seed ^ static_cast<std::uint32_t>(i * 2654435761U)) * 2246822519U;
    const float value = static_cast<float>(bits >> 8U) / 16777216.0F - 0.5F;
    if (dtype == 0) {
      std::memcpy(to.data() + i * 4, &value, 4);
    } else {
      to[i * size_of_dtype(dtype)] = static_cast<unsigned char>(bits >> 31U);
    }
  }
}

}  // namespace

std::size_t size_of_dtype(int dtype) {
  constexpr std::size_t kSizes[] = {4, 2, 1, 4, 1, 1, 1, 2, 8};
  return kSizes[dtype];
}

std::int64_t elements(const Sizes& sizes) {
  std::int64_t n = 1;
  for (const std::int64_t size : sizes) {
    n *= size;
  }
  return n;
}

Sizes TensorRow::sizes() const {
  Sizes found;
  for (const Dimension& dim : dims) {
    found.push_back(dim.size);
  }
  return found;
}

std::shared_ptr<const Table> Table::read(const std::string& text) {
  auto table = std::make_shared<Table>();
  table->text = text;
  std::istringstream in(text);
  std::string line;
  if (!std::getline(in, line) || line != "gencpp-double 1") {
    return nullptr;
  }
  while (std::getline(in, line)) {
    std::istringstream words(line);
    std::string key;
    words >> key;
    if (key == "table") {
      words >> table->name;
    } else if (key == "onnx") {
      words >> table->onnx_bytes >> std::hex >> table->onnx_crc;
    } else if (key == "input" || key == "output") {
      TensorRow row;
      std::string dim;
      for (words >> row.name >> row.dtype; words >> dim;) {
        row.dims.push_back(read_dimension(dim));
      }
      (key == "input" ? table->inputs : table->outputs).push_back(row);
    } else if (key == "layers") {
      for (std::string layer; words >> layer;) {
        table->layers.push_back(layer);
      }
    } else if (key == "made") {  // a line a layer: dtype and dims of each output, '|' between them
      int from = 0;
      std::vector<TensorRow> rows(1);
      words >> from >> rows.back().dtype;
      for (std::string word; words >> word;) {
        if (word == "|") {
          words >> rows.emplace_back().dtype;
        } else {
          rows.back().dims.push_back(read_dimension(word));
        }
      }
      table->made[from].push_back(rows);
    } else if (key == "item") {  // then one line an output: rank, dims, and its bytes in hexadecimal
      Item item;
      words >> std::hex >> item.crc >> std::dec >> item.input_bytes;
      for (std::size_t o = 0; o < table->outputs.size(); ++o) {
        std::size_t rank = 0;
        in >> rank;
        Sizes sizes(rank);
        for (std::int64_t& size : sizes) {
          in >> size;
        }
        std::string hex;
        in >> hex;
        Bytes bytes;
        for (std::size_t i = 1; i + 1 < hex.size(); i += 2) {  // after an 'x', so that no bytes are a word too
          bytes.push_back(static_cast<unsigned char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
        }
        item.dims.push_back(sizes);
        item.outputs.push_back(bytes);
      }
      std::getline(in, line);
      table->items.push_back(item);
    } else {
      return nullptr;
    }
  }
  return table;
}

std::vector<std::shared_ptr<const Table>> Table::all() {
  std::vector<std::shared_ptr<const Table>> tables;
  std::istringstream files(environment("GENCPP_DOUBLE_MODEL", ""));
  for (std::string file; std::getline(files, file, ':');) {
    std::ifstream in(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    auto table = read(text);
    if (table == nullptr) {
      violation("GENCPP_DOUBLE_MODEL: " + file + " is no table");
    }
    tables.push_back(std::move(table));
  }
  return tables;
}

std::shared_ptr<const Table> Table::of_onnx(const void* data, std::size_t bytes) {
  for (const auto& table : all()) {
    if (table->onnx_bytes == bytes && table->onnx_crc == crc32(data, bytes)) {
      return table;
    }
  }
  return nullptr;
}

const std::vector<std::vector<TensorRow>>* Table::made_for(int api) const {
  const auto after = made.upper_bound(api);
  return after == made.begin() ? nullptr : &std::prev(after)->second;
}

bool Table::batched() const {
  return std::all_of(inputs.begin(), inputs.end(), [](const TensorRow& row) { return !row.dims.empty() && row.dims[0].size == -1; });
}

bool Table::runtime_shapes() const {
  return std::any_of(outputs.begin(), outputs.end(), [](const TensorRow& row) { return std::any_of(row.dims.begin(), row.dims.end(), [](const Dimension& dim) { return dim.runtime > 0; }); });
}

Sizes Table::output_sizes(std::size_t output, const std::vector<Sizes>& input_sizes) const {
  Sizes sizes;
  for (const Dimension& dim : outputs[output].dims) {
    sizes.push_back(dim.input < 0 ? dim.size : input_sizes[static_cast<std::size_t>(dim.input)][static_cast<std::size_t>(dim.of)]);
  }
  return sizes;
}

void Table::compute(const std::vector<const unsigned char*>& data, const std::vector<Sizes>& input_sizes, std::vector<Bytes>& results, std::vector<Sizes>& result_sizes) const {
  const std::int64_t batch = batched() ? input_sizes[0][0] : 1;
  results.assign(outputs.size(), {});
  result_sizes.clear();
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    result_sizes.push_back(output_sizes(o, input_sizes));
  }
  for (std::int64_t b = 0; b < batch; ++b) {
    std::uint32_t crc = 0;
    std::size_t bytes = 0;
    bool zeros = true;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::size_t size = static_cast<std::size_t>(elements(input_sizes[i]) / batch) * size_of_dtype(inputs[i].dtype);
      const unsigned char* start = data[i] + static_cast<std::size_t>(b) * size;
      crc = crc32(start, size, crc);
      bytes += size;
      zeros = zeros && std::all_of(start, start + size, [](unsigned char c) { return c == 0; });
    }
    const auto known = std::find_if(items.begin(), items.end(), [&](const Item& item) { return item.crc == crc && item.input_bytes == bytes; });
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      Sizes sizes = output_sizes(o, input_sizes);
      // The items of a batch follow each other in this output.
      const bool along = batched() && !sizes.empty() && (outputs[o].dims[0].input >= 0 || sizes[0] == -1);
      if (along && sizes[0] != -1) {
        sizes[0] = 1;
      }
      for (std::size_t d = 0; d < sizes.size(); ++d) {
        if (sizes[d] == -1) {
          sizes[d] = known != items.end() ? known->dims[o][d] : 1;
          result_sizes[o][d] = d == 0 && b > 0 ? result_sizes[o][d] + sizes[d] : sizes[d];
        }
      }
      Bytes bytes_of_item(static_cast<std::size_t>(elements(sizes)) * size_of_dtype(outputs[o].dtype), 0);
      if (known != items.end() && known->outputs[o].size() == bytes_of_item.size()) {
        bytes_of_item = known->outputs[o];
      } else if (!zeros) {
        invent(crc, outputs[o].dtype, bytes_of_item);
      }
      if (b == 0 || along) {
        results[o].insert(results[o].end(), bytes_of_item.begin(), bytes_of_item.end());
      }
    }
    if (known == items.end() && !zeros) {
      note("unknown input");
    }
  }
}

}  // namespace gencpp_double
