// Runs the model on pictures or raw tensors and prints what it says.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "{= name =}/classify.hpp"
#include "{= name =}/image.hpp"
#include "{= name =}/model.hpp"
#include "{= name =}/model_info.hpp"
#include "{= name =}/npy.hpp"
#include "{= name =}/preprocess.hpp"

#include "arguments.hpp"
#include "console.hpp"
#include "json.hpp"
#include "load_flags.hpp"

namespace app = {= name =}::app;
using {= name =}::Dims;
using {= name =}::Error;
using {= name =}::ErrorCode;
using {= name =}::Image;
using {= name =}::Model;
using {= name =}::Outputs;
using {= name =}::Result;
using {= name =}::Tensor;
using {= name =}::TensorInfo;
using {= name =}::TensorView;

namespace {

bool is_npy(const std::string& file) { return std::filesystem::path(file).extension() == ".npy"; }

// The shape of a headerless input: `opt`, with the first dimension told by the file's size when it may
// vary.
Result<Dims> raw_dims(const std::string& file, const TensorInfo& info) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error) {
    return Error{ErrorCode::not_found, "cannot read " + file};
  }
  Dims dims = info.opt;
  if (!info.dims.empty() && info.dims[0] < 0) {
    dims[0] = 1;
    const auto item = static_cast<std::uint64_t>(dims.elements()) * size_of(info.dtype);
    dims[0] = std::max<std::int64_t>(1, static_cast<std::int64_t>(size / item));
  }
  return dims;
}

Result<Tensor> read_tensor(const std::string& file, const TensorInfo& info) {
  if (is_npy(file)) {
    return {= name =}::read_npy(file);
  }
  const Result<Dims> dims = raw_dims(file, info);
  if (!dims) {
    return dims.error();
  }
  return {= name =}::read_raw(file, info.dtype, *dims);
}

Result<void> write_tensor(const std::string& file, const Tensor& tensor) {
  return is_npy(file) ? {= name =}::write_npy(file, tensor.view()) : {= name =}::write_raw(file, tensor.view());
}

void print_tensors(const char* title, const std::vector<TensorInfo>& infos) {
  std::printf("%s\n", title);
  for (const TensorInfo& info : infos) {
    std::printf("  %s: %s %s", info.name.c_str(), to_string(info.dtype), to_string(info.dims).c_str());
    for (std::size_t i = 0; i < info.dims.size(); ++i) {
      if (info.dims[i] < 0) {
        std::printf(", dimension %zu from %lld to %lld", i, static_cast<long long>(info.min[i]), static_cast<long long>(info.max[i]));
      }
    }
    std::printf("\n");
  }
}

void print_info(const Model& model) {
  std::printf("%s on %s, %d threads\n", std::string({= name =}::kModelName).c_str(), {= name =}::backend_version().c_str(), {= name =}::process_threads());
  print_tensors("inputs", model.inputs());
  print_tensors("outputs", model.outputs());
  std::fputs(model.describe().c_str(), stdout);
}

// What an output holds, for models that have no labels.
std::string summary(const TensorInfo& info, const Tensor& tensor) {
  std::string text = info.name + ": " + to_string(tensor.dtype()) + " " + to_string(tensor.dims());
  if (tensor.dtype() == {= name =}::DType::float32 && tensor.dims().elements() > 0) {
    const float* values = tensor.data_as<float>();
    const auto [least, most] = std::minmax_element(values, values + tensor.dims().elements());
    double sum = 0.0;
    for (std::int64_t i = 0; i < tensor.dims().elements(); ++i) {
      sum += static_cast<double>(values[i]);
    }
    char numbers[96];
    std::snprintf(numbers, sizeof numbers, ", min %g, max %g, mean %g", static_cast<double>(*least), static_cast<double>(*most), sum / static_cast<double>(tensor.dims().elements()));
    text += numbers;
  }
  return text;
}

std::string summary_json(const TensorInfo& info, const Tensor& tensor) {
  std::string dims;
  for (const std::int64_t size : tensor.dims()) {
    dims += (dims.empty() ? "" : ", ") + std::to_string(size);
  }
  return "{\"name\": " + app::json_string(info.name) + ", \"dtype\": \"" + to_string(tensor.dtype()) + "\", \"dims\": [" + dims + "]}";
}

// One row of logits as text or JSON.
Result<std::string> top_text(const Tensor& logits, std::size_t row, const std::vector<std::string>& labels, const app::Arguments& arguments) {
  const auto best = {= name =}::top_k(logits, row, arguments.topk);
  if (!best) {
    return best.error();
  }
  std::string text;
  for (const {= name =}::ClassScore& score : *best) {
    const std::string label = score.index < labels.size() ? labels[score.index] : "class " + std::to_string(score.index);
    const auto probability = static_cast<double>(score.probability);
    if (arguments.json) {
      text += std::string(text.empty() ? "" : ", ") + "{\"index\": " + std::to_string(score.index) + ", \"label\": " + app::json_string(label) + ", \"probability\": " + app::json_number(probability) + "}";
    } else {
      char line[32];
      std::snprintf(line, sizeof line, "  %6.2f%%  ", 100.0 * probability);
      text += line + label + "\n";
    }
  }
  return text;
}

// What the model said of one picture or one batch of raw tensors.
Result<std::string> report(const std::string& what, const Model& model, const Outputs& outputs, const std::vector<std::string>& labels, const app::Arguments& arguments) {
  std::string text;
  if ({= name =}::kClassifier) {
    const auto rows = static_cast<std::size_t>(outputs[0].dims()[0]);
    for (std::size_t row = 0; row < rows; ++row) {
      const Result<std::string> top = top_text(outputs[0], row, labels, arguments);
      if (!top) {
        return top.error();
      }
      const std::string source = rows == 1 ? what : what + "[" + std::to_string(row) + "]";
      if (arguments.json) {
        text += std::string(text.empty() ? "" : ",\n    ") + "{\"source\": " + app::json_string(source) + ", \"top\": [" + *top + "]}";
      } else {
        text += source + "\n" + *top;
      }
    }
    return text;
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const TensorInfo& info = model.outputs()[i];
    if (arguments.json) {
      text += std::string(text.empty() ? "" : ", ") + summary_json(info, outputs[i]);
    } else {
      text += "  " + summary(info, outputs[i]) + "\n";
    }
  }
  return arguments.json ? "{\"source\": " + app::json_string(what) + ", \"outputs\": [" + text + "]}" : what + "\n" + text;
}

Result<void> write_outputs(const std::vector<std::string>& files, const Outputs& outputs) {
  if (files.size() > outputs.size()) {
    return Error{ErrorCode::invalid_argument, "--output was given " + std::to_string(files.size()) + " times, the model has " + std::to_string(outputs.size()) + " output(s)"};
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (Result<void> written = write_tensor(files[i], outputs[i]); !written) {
      return written;
    }
  }
  return {};
}

// The tensors of --input.
Result<std::vector<Tensor>> read_inputs(const Model& model, const app::Arguments& arguments) {
  if (arguments.inputs.size() != model.inputs().size()) {
    return Error{ErrorCode::invalid_argument, "the model has " + std::to_string(model.inputs().size()) + " input(s), --input was given " + std::to_string(arguments.inputs.size()) + " times"};
  }
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < arguments.inputs.size(); ++i) {
    Result<Tensor> tensor = read_tensor(arguments.inputs[i], model.inputs()[i]);
    if (!tensor) {
      return tensor.error();
    }
    tensors.push_back(std::move(tensor).value());
  }
  return tensors;
}

// Runs the model and appends what it said.
Result<void> run_one(const std::string& what, const Model& model, const std::vector<Tensor>& tensors, const std::vector<std::string>& labels, const app::Arguments& arguments, std::vector<std::string>& reports) {
  std::vector<TensorView> views;
  for (const Tensor& tensor : tensors) {
    views.push_back(tensor.view());
  }
  const Result<Outputs> outputs = model.run(views);
  if (!outputs) {
    return outputs.error();
  }
  if (Result<void> written = write_outputs(arguments.outputs, *outputs); !written) {
    return written;
  }
  Result<std::string> text = report(what, model, *outputs, labels, arguments);
  if (!text) {
    return text.error();
  }
  reports.push_back(std::move(text).value());
  return {};
}

Result<void> run_picture(const std::string& file, const Model& model, const std::vector<std::string>& labels, const app::Arguments& arguments, std::vector<std::string>& reports) {
  const Result<Image> image = {= name =}::read_image(file);
  if (!image) {
    return image.error();
  }
  Result<Tensor> tensor = {= name =}::preprocess(*image);
  if (!tensor) {
    return Error{tensor.error().code, file + ": " + tensor.error().message};
  }
  if (!arguments.save_input.empty()) {
    if (Result<void> written = write_tensor(arguments.save_input, *tensor); !written) {
      return written;
    }
  }
  std::vector<Tensor> tensors;
  tensors.push_back(std::move(tensor).value());
  return run_one(file, model, tensors, labels, arguments, reports);
}

Result<void> run_pictures(const Model& model, const std::vector<std::string>& labels, const app::Arguments& arguments, std::vector<std::string>& reports) {
  if (!{= name =}::kHasPreprocess) {
    return Error{ErrorCode::unsupported, "this model was generated without preprocessing: give its tensors with --input"};
  }
  if (arguments.images.size() > 1 && (!arguments.outputs.empty() || !arguments.save_input.empty())) {
    return Error{ErrorCode::invalid_argument, "--output and --save-input take one picture at a time"};
  }
  // A picture that cannot be read does not keep the others from their answers.
  std::size_t failed = 0;
  for (const std::string& file : arguments.images) {
    if (const Result<void> ran = run_picture(file, model, labels, arguments, reports); !ran) {
      ++failed;
      std::fprintf(stderr, "{= name =}: %s\n", ran.error().message.c_str());
      if (arguments.json) {
        reports.push_back("{\"source\": " + app::json_string(file) + ", \"error\": " + app::json_string(ran.error().message) + "}");
      }
    }
  }
  if (failed > 0) {
    return Error{ErrorCode::bad_file, std::to_string(failed) + " of " + std::to_string(arguments.images.size()) + " pictures failed"};
  }
  return {};
}

Result<void> run_tensors(const Model& model, const std::vector<std::string>& labels, const app::Arguments& arguments, std::vector<std::string>& reports) {
  const Result<std::vector<Tensor>> tensors = read_inputs(model, arguments);
  if (!tensors) {
    return tensors.error();
  }
  if (!arguments.save_input.empty()) {
    if (tensors->size() != 1) {
      return Error{ErrorCode::invalid_argument, "--save-input is for models with one input"};
    }
    if (Result<void> written = write_tensor(arguments.save_input, (*tensors)[0]); !written) {
      return written;
    }
  }
  return run_one(arguments.inputs[0], model, *tensors, labels, arguments, reports);
}

void print_reports(const std::vector<std::string>& reports, bool json) {
  if (!json) {
    for (const std::string& text : reports) {
      std::fputs(text.c_str(), stdout);
    }
    return;
  }
  std::printf("{\n  \"model\": %s,\n  \"backend\": %s,\n  \"warning\": %s,\n  \"results\": [\n", app::json_string({= name =}::kModelName).c_str(), app::json_string({= name =}::backend_version()).c_str(), app::json_string({= name =}::kWeightsWarning).c_str());
  for (std::size_t i = 0; i < reports.size(); ++i) {
    std::printf("    %s%s\n", reports[i].c_str(), i + 1 < reports.size() ? "," : "");
  }
  std::printf("  ]\n}\n");
}

// Everything that can fail; what was reported before a failure is still printed.
Result<void> run(const app::Arguments& arguments, std::vector<std::string>& reports) {
  if (Result<void> configured = {= name =}::configure_process({arguments.threads, false, app::fusion_for(arguments.load)}); !configured) {
    return configured;
  }
  {= name =}::LoadOptions options = arguments.load;
  app::LoadConsole console("{= name =}", options, arguments.verbose);
  const Result<Model> model = Model::load(options);
  console.clear();
  if (!model) {
    return model.error();
  }
  if (arguments.info) {
    print_info(*model);
    return {};
  }
  std::vector<std::string> labels;
  if ({= name =}::kClassifier && {= name =}::kLabelCount > 0) {
    Result<std::vector<std::string>> read = {= name =}::load_labels();
    if (!read) {
      return read.error();
    }
    labels = std::move(read).value();
    if (labels.size() != {= name =}::kLabelCount) {
      return Error{ErrorCode::bad_file, std::string({= name =}::kLabelsFile) + " has " + std::to_string(labels.size()) + " labels, the model " + std::to_string({= name =}::kLabelCount) + " classes"};
    }
  }
  return arguments.images.empty() ? run_tensors(*model, labels, arguments, reports) : run_pictures(*model, labels, arguments, reports);
}

int fail(const Error& error) {
  std::fprintf(stderr, "{= name =}: %s\n", error.message.c_str());
  return error.code == ErrorCode::invalid_argument ? 2 : (error.code == ErrorCode::no_device ? 3 : 1);
}

}  // namespace

int main(int argc, char** argv) {
  const Result<app::Arguments> arguments = app::parse_arguments(argc, argv);
  if (!arguments) {
    return fail(arguments.error());
  }
  if (arguments->help) {
    std::fputs(app::usage().c_str(), stdout);
    return 0;
  }
  if (!{= name =}::kWeightsWarning.empty()) {
    std::fprintf(stderr, "{= name =}: WARNING: %s\n", std::string({= name =}::kWeightsWarning).c_str());
  }
  std::vector<std::string> reports;
  const Result<void> ran = run(*arguments, reports);
  if (ran || !reports.empty()) {
    if (!arguments->info) {
      print_reports(reports, arguments->json);
    }
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    return fail(Error{ErrorCode::io, "cannot write to standard output"});
  }
  return ran ? 0 : fail(ran.error());
}
