// Bytes of this program as a file, for what reads files only.
#pragma once

#include <filesystem>

#include "sample/result.hpp"

#include "assets/embedded.hpp"

namespace sample {

// A file that lives in memory, as long as this lives. Linux only.
class MemoryFile {
 public:
  MemoryFile() = default;
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile();

  // Copies the bytes into it; its path, or why it cannot be had.
  [[nodiscard]] Result<std::filesystem::path> open(EmbeddedFile bytes);

 private:
  int descriptor_ = -1;
};

}  // namespace sample
