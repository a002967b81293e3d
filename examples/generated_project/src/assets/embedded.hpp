// Assets that were compiled into the binary (SAMPLE_EMBED_ASSETS).
#pragma once

#include <cstddef>
#include <istream>
#include <streambuf>
#include <string_view>

namespace sample {

struct EmbeddedFile {
  const unsigned char* data = nullptr;  // null: not embedded
  std::size_t size = 0;
};

// The embedded asset of this name, if this build has it.
[[nodiscard]] EmbeddedFile embedded_file(std::string_view name) noexcept;

// Embedded bytes as a seekable stream buffer; they are not copied.
class MemoryBuffer : public std::streambuf {
 public:
  explicit MemoryBuffer(EmbeddedFile file) {
    char* begin = const_cast<char*>(reinterpret_cast<const char*>(file.data));
    setg(begin, begin, begin + file.size);
  }

 private:
  pos_type seekoff(off_type offset, std::ios_base::seekdir from, std::ios_base::openmode /*which*/) override {
    const off_type base =
        from == std::ios_base::beg ? 0 : (from == std::ios_base::cur ? gptr() - eback() : egptr() - eback());
    const off_type target = base + offset;
    if (target < 0 || target > egptr() - eback()) {
      return pos_type(off_type(-1));
    }
    setg(eback(), eback() + target, egptr());
    return pos_type(target);
  }
  pos_type seekpos(pos_type position, std::ios_base::openmode which) override {
    return seekoff(off_type(position), std::ios_base::beg, which);
  }
};

}  // namespace sample
