// A host that does not know which backend it has. Arguments: an input (.npy) and where to write the output.
#include <cstdio>
#include <future>
#include <string>
#include <vector>

#include <photo/model.hpp>
#include <photo/npy.hpp>

namespace {

int fail(const photo::Error& error) {
  std::fprintf(stderr, "%s: %s\n", to_string(error.code), error.message.c_str());
  return error.code == photo::ErrorCode::no_device ? 3 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    return 2;
  }
  if (const auto configured = photo::configure_process({}); !configured) {
    return fail(configured.error());
  }
  photo::LoadOptions options;
  options.engine.optimization_level = 3;  // of no meaning to LibTorch
  options.log = [](photo::LogLevel level, const std::string& message) { std::fprintf(stderr, "%s%s\n", level == photo::LogLevel::warning ? "warning: " : "", message.c_str()); };
  const auto model = photo::Model::load(options);
  if (!model) {
    return fail(model.error());
  }
  const auto input = photo::read_npy(argv[1]);
  if (!input) {
    return fail(input.error());
  }
  const auto outputs = model->run(input->view());
  if (!outputs) {
    return fail(outputs.error());
  }

  // The other ways to run give the same bits.
  photo::Tensor again((*outputs)[0].dtype(), (*outputs)[0].dims());
  if (const auto ran = model->run(input->view(), again.view()); !ran) {
    return fail(ran.error());
  }
  photo::Tensor later((*outputs)[0].dtype(), (*outputs)[0].dims());
  std::promise<photo::Result<void>> called;
  if (const auto started = model->run_async(input->view(), later.view(), [&](photo::Result<void> result) { called.set_value(std::move(result)); }); !started) {
    return fail(started.error());
  }
  if (const auto done = called.get_future().get(); !done) {
    return fail(done.error());
  }
  const auto count = static_cast<std::size_t>(again.dims().elements());
  for (std::size_t i = 0; i < count; ++i) {
    const float expected = (*outputs)[0].data_as<float>()[i];
    if (again.data_as<float>()[i] != expected || later.data_as<float>()[i] != expected) {
      std::fprintf(stderr, "the ways to run differ\n");
      return 1;
    }
  }
  std::printf("%s on %s\n%s", photo::backend_version().c_str(), to_string(model->device()), model->describe().c_str());
  if (const auto written = photo::write_npy(argv[2], (*outputs)[0].view()); !written) {
    return fail(written.error());
  }
  return 0;
}
