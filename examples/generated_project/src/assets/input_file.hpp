// Files that are read: a regular file as a stream, and nothing else.
#pragma once

#include <cstdint>
#include <filesystem>
#include <istream>
#include <streambuf>
#include <vector>

#include "sample/result.hpp"

namespace sample {

// The bytes of a regular file, as many as it had when it was opened: one that grows has no end, otherwise.
class FileBuffer final : public std::streambuf {
 public:
  FileBuffer() = default;
  FileBuffer(const FileBuffer&) = delete;
  FileBuffer& operator=(const FileBuffer&) = delete;
  ~FileBuffer() override { close(); }

  [[nodiscard]] Result<std::uint64_t> open(const std::filesystem::path& file);
#if !defined(_WIN32)
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
#endif

 protected:
  int_type underflow() override;
  std::streamsize xsgetn(char* out, std::streamsize count) override;
  pos_type seekoff(off_type offset, std::ios::seekdir from, std::ios::openmode which) override;
  pos_type seekpos(pos_type position, std::ios::openmode which) override {
    return seekoff(position, std::ios::beg, which);
  }

 private:
  void close() noexcept;
  // Reads up to `count` bytes from position_ on and moves it; 0 at the end, or where reading fails.
  std::size_t read_some(char* out, std::size_t count);

#if defined(_WIN32)
  void* handle_ = nullptr;
#else
  int descriptor_ = -1;
#endif
  std::uint64_t size_ = 0;
  std::uint64_t position_ = 0;  // in the file, of the next byte that is not yet in block_
  std::vector<char> block_;
};

// A std::ifstream that waits for nobody: a pipe, a device, a socket or a folder is refused before anything of it is
// read, as the very thing that was opened, not as what had the name before.
class InputFile final : public std::istream {
 public:
  InputFile() : std::istream(nullptr) { rdbuf(&buffer_); }

  // Opens the file and gives its size, or says what it is instead, without its name. Once only.
  [[nodiscard]] Result<std::uint64_t> open(const std::filesystem::path& file);

#if !defined(_WIN32)
  // Of the open file, for mmap(); closed with this.
  [[nodiscard]] int descriptor() const noexcept { return buffer_.descriptor(); }
#endif

 private:
  FileBuffer buffer_;
};

}  // namespace sample
