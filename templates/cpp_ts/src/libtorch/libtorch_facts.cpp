#include "libtorch/libtorch_facts.hpp"

#include <fstream>
#include <set>
#include <sstream>

#if !defined(_WIN32)
#include <sys/utsname.h>
#endif

#include "{= name =}/model.hpp"

#include "libtorch_info.hpp"

namespace {= name =} {
namespace {

std::string architecture() {
#if defined(_WIN32)
  return "x86_64";  // LibTorch has no other for Windows
#else
  utsname names{};
  return uname(&names) == 0 ? names.machine : "";
#endif
}

std::set<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::set<std::string> found;
  for (std::string word; in >> word;) {
    found.insert(word);
  }
  return found;
}

// Of the first processor; all of a machine have the same.
std::set<std::string> cpu_flags() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    const std::size_t colon = line.find(':');
    if (colon != std::string::npos && line.compare(0, 5, "flags") == 0) {
      return words(line.substr(colon + 1));
    }
  }
  return {};
}

}  // namespace

int required_threads() { return kCompiled ? kCompiledFor.threads : 0; }

const LibTorchFacts& libtorch_facts() noexcept {
  static const LibTorchFacts facts{kVariant, kRunsOn, kFusion, kChannelsLast, kPrecision, kThreads,
      kCompiled ? &kCompiledFor : nullptr, kChanged.data(), kChanged.data() + kChanged.size(), kSerialised};
  return facts;
}

Result<void> check_machine(const CompiledFor& wanted, const std::string& torch) {
  const std::string remedy = ": run gencpp on this machine, or without --artifact aoti";
  if (architecture() != wanted.architecture) {
    return Error{ErrorCode::unsupported,
        "the artifact holds code for " + std::string(wanted.architecture) + ", this machine is " + architecture() +
            remedy};
  }
  if (torch != wanted.torch) {
    return Error{ErrorCode::unsupported,
        "the artifact holds code for LibTorch " + std::string(wanted.torch) + ", this is " + torch + remedy};
  }
  const std::set<std::string> here = cpu_flags();
  std::string missing;
  for (const std::string& flag : words(wanted.cpu_flags)) {
    missing += here.count(flag) == 0 ? " " + flag : "";
  }
  if (!missing.empty()) {
    return Error{ErrorCode::unsupported,
        "the artifact holds code for a processor with" + missing + ", which this one has not" + remedy};
  }
  return {};
}

}  // namespace {= name =}
