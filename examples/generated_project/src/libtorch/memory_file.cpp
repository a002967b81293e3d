#include "libtorch/memory_file.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#endif

#include <string>

namespace sample {

#if defined(__linux__)

MemoryFile::~MemoryFile() {
  if (descriptor_ >= 0) {
    close(descriptor_);
  }
}

Result<std::filesystem::path> MemoryFile::open(EmbeddedFile bytes) {
  const auto failed = [] {
    return Error{
        ErrorCode::io, std::string("the embedded artifact cannot be made a file in memory: ") + std::strerror(errno)};
  };
  descriptor_ = memfd_create("model.pt", MFD_CLOEXEC);
  if (descriptor_ < 0) {
    return failed();
  }
  for (std::size_t done = 0; done < bytes.size;) {
    const ssize_t wrote = write(descriptor_, bytes.data + done, bytes.size - done);
    if (wrote < 0 && errno != EINTR) {
      return failed();
    }
    done += wrote < 0 ? 0 : static_cast<std::size_t>(wrote);
  }
  return std::filesystem::path("/proc/self/fd/" + std::to_string(descriptor_));
}

#else

MemoryFile::~MemoryFile() = default;

Result<std::filesystem::path> MemoryFile::open(EmbeddedFile /*bytes*/) {
  return Error{ErrorCode::unsupported,
      "an AOTInductor package is loaded from a file on this system: build with SAMPLE_EMBED_ASSETS=OFF"};
}

#endif

}  // namespace sample
