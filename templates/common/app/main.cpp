// Runs the model on pictures or raw tensors and prints what it says.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "{= name =}/image.hpp"
#include "{= name =}/model.hpp"
#include "{= name =}/model_info.hpp"
#include "{= name =}/npy.hpp"
#include "{= name =}/pictures.hpp"
#include "{= name =}/preprocess.hpp"
#include "{= name =}/processors.hpp"

#include "arguments.hpp"
#include "console.hpp"
#include "finish.hpp"
#include "json.hpp"
#include "load_flags.hpp"
#include "report.hpp"
#include "task.hpp"

namespace app = {= name =}::app;
using {= name =}::Dims;
using {= name =}::Error;
using {= name =}::ErrorCode;
using {= name =}::Image;
using {= name =}::LogLevel;
using {= name =}::Model;
using {= name =}::Outputs;
using {= name =}::Result;
using {= name =}::Tensor;
using {= name =}::TensorInfo;
using {= name =}::TensorView;

namespace {

constexpr const char* kProgram = "{= name =}";

bool is_npy(const std::string& file) { return std::filesystem::path(file).extension() == ".npy"; }

// The shape of a headerless input: `opt`, with the batch told by the file's size when it may vary.
Result<Dims> raw_dims(const std::string& file, const TensorInfo& info) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error) {
    return Error{ErrorCode::not_found, "cannot read " + file};
  }
  Dims dims = info.opt;
  if (info.batch_varies()) {
    std::int64_t& items = dims[*info.batch];
    items = 1;
    const std::size_t item = std::max<std::size_t>(1, size_of(info.dtype, dims));
    items = std::max<std::int64_t>(1, static_cast<std::int64_t>(size / item));
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
      if (info.opt[i] < 0) {
        std::printf(", dimension %zu by the values", i);
        if (info.max[i] >= 0) {
          std::printf(", at most %lld", static_cast<long long>(info.max[i]));
        }
      } else if (info.dims[i] < 0) {
        std::printf(", dimension %zu from %lld to %lld", i, static_cast<long long>(info.min[i]),
            static_cast<long long>(info.max[i]));
      }
    }
    std::printf("\n");
  }
}

void print_info(const Model& model) {
  std::printf("%s on %s, %d threads\n", std::string({= name =}::kModelName).c_str(),
      {= name =}::backend_version().c_str(), {= name =}::process_threads());
  print_tensors("inputs", model.inputs());
  print_tensors("outputs", model.outputs());
  std::fputs(model.describe().c_str(), stdout);
}

Result<void> write_outputs(const std::vector<std::string>& files, const Outputs& outputs) {
  if (files.size() > outputs.size()) {
    return Error{ErrorCode::invalid_argument,
        "--output was given " + std::to_string(files.size()) + " times, the model has " +
            std::to_string(outputs.size()) + " output(s)"};
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
    return Error{ErrorCode::invalid_argument,
        "the model has " + std::to_string(model.inputs().size()) + " input(s), --input was given " +
            std::to_string(arguments.inputs.size()) + " times"};
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
Result<void> run_one(const std::string& what, const Model& model, const std::vector<Tensor>& tensors,
    const app::Task& task, const app::Arguments& arguments, app::Reports& reports) {
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
  const Result<std::string> text = task.report(what, model, *outputs, arguments.json);
  if (!text) {
    return text.error();
  }
  reports.add(*text);
  return {};
}

{= name =}::DecodeOptions decoding(const app::Arguments& arguments) {
  {= name =}::DecodeOptions options = arguments.fast_jpeg ? {= name =}::scaled_decoding() : {= name =}::DecodeOptions();
  if (arguments.max_pixels > 0) {
    options.max_pixels = arguments.max_pixels;
    constexpr std::uint64_t kMostBytes = 8;  // of a pixel: four samples of 16 bits
    options.max_bytes = std::max(options.max_bytes, kMostBytes * static_cast<std::uint64_t>(arguments.max_pixels));
  }
  return options;
}

Result<void> run_picture(const std::string& file, const Model& model, const app::Task& task,
    const app::Arguments& arguments, app::Reports& reports) {
  const Result<Image> image = {= name =}::read_image(file, decoding(arguments));
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
  return run_one(file, model, tensors, task, arguments, reports);
}

// How many pictures are worked on at the same time: each by one thread.
int pictures_at_once(const app::Arguments& arguments) {
  if (arguments.threads > 0) {
    return arguments.threads;
  }
  return {= name =}::available_processors();
}

Result<void> run_pictures(
    const Model& model, const app::Task& task, const app::Arguments& arguments, app::Reports& reports) {
  if (!{= name =}::kHasPreprocess) {
    return Error{
        ErrorCode::unsupported, "this model was generated without preprocessing: give its tensors with --input"};
  }
  if (arguments.images.size() > 1 && (!arguments.outputs.empty() || !arguments.save_input.empty())) {
    return Error{ErrorCode::invalid_argument, "--output and --save-input take one picture at a time"};
  }
  // A picture that cannot be read does not keep the others from their answers.
  std::size_t failed = 0;
  const auto told = [&](const std::string& file, const Result<void>& ran) {
    if (!ran) {
      ++failed;
      std::fprintf(stderr, "{= name =}: %s\n", ran.error().message.c_str());
      if (arguments.json) {
        reports.add(
            "{\"source\": " + app::json_string(file) + ", \"error\": " + app::json_string(ran.error().message) + "}");
      }
    }
  };
  if (arguments.images.size() == 1) {
    told(arguments.images[0], run_picture(arguments.images[0], model, task, arguments, reports));
  } else {
    const std::vector<std::filesystem::path> files(arguments.images.begin(), arguments.images.end());
    {= name =}::PictureOptions options;
    options.threads = pictures_at_once(arguments);
    options.runs =
        {= name =}::required_threads() > 1 ? {= name =}::PictureRuns::caller : {= name =}::PictureRuns::apart;
    options.decode = decoding(arguments);
    const Result<void> all =
        {= name =}::run_pictures(model, files, options, [&](std::size_t i, const Result<Outputs>& outputs) {
          const std::string& file = arguments.images[i];
          const Result<std::string> text =
              outputs ? task.report(file, model, *outputs, arguments.json) : outputs.error();
          if (text) {
            reports.add(*text);
          }
          told(file, text ? Result<void>() : text.error());
        });
    if (!all) {
      return all;
    }
  }
  if (failed > 0) {
    return Error{ErrorCode::bad_file,
        std::to_string(failed) + " of " + std::to_string(arguments.images.size()) + " pictures failed"};
  }
  return {};
}

Result<void> run_tensors(
    const Model& model, const app::Task& task, const app::Arguments& arguments, app::Reports& reports) {
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
  return run_one(arguments.inputs[0], model, *tensors, task, arguments, reports);
}

// Everything that can fail; what was reported before a failure is still printed.
Result<void> run(const app::Arguments& arguments, app::Reports& reports) {
  // Of several pictures, each thread takes a whole one: that leaves no processor waiting for another.
  const bool apart = arguments.images.size() > 1 && {= name =}::required_threads() <= 1;
  {= name =}::ProcessOptions process;
  process.threads = apart ? 1 : arguments.threads;
  process.fusion = app::fusion_for(arguments.load);
  process.log = [](LogLevel level, const std::string& message) { app::print_message("{= name =}", level, message); };
  if (Result<void> configured = {= name =}::configure_process(process); !configured) {
    return configured;
  }
  {= name =}::LoadOptions options = arguments.load;
  app::LoadConsole console("{= name =}", options, arguments.verbose, {= name =}::kWeightsWarning);
  const Result<Model> model = Model::load(options);
  console.clear();
  if (!model) {
    return model.error();
  }
  if (arguments.info) {
    print_info(*model);
    return {};
  }
  const Result<app::Task> task = app::Task::load(arguments.task);
  if (!task) {
    return task.error();
  }
  return arguments.images.empty() ? run_tensors(*model, *task, arguments, reports)
                                  : run_pictures(*model, *task, arguments, reports);
}

}  // namespace

int main(int argc, char** argv) {
  const Result<app::Arguments> arguments = app::parse_arguments(argc, argv);
  if (!arguments) {
    return app::fail(kProgram, arguments.error());
  }
  if (arguments->help) {
    std::fputs(app::usage().c_str(), stdout);
    return app::finish(kProgram, 0);
  }
  if (!{= name =}::kWeightsWarning.empty()) {
    std::fprintf(stderr, "{= name =}: WARNING: %s\n", std::string({= name =}::kWeightsWarning).c_str());
  }
  app::Reports reports(arguments->json);
  const Result<void> ran = run(*arguments, reports);
  reports.finish();
  const int code = app::finish(kProgram, 0);
  return ran || code != 0 ? code : app::fail(kProgram, ran.error());
}
