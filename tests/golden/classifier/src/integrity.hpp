// Whether a file is the one that this project was generated with.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "sample/model.hpp"

#include "facts.hpp"

namespace sample {

// SHA-256 (FIPS 180-4), fed piece by piece.
class Sha256 {
 public:
  void update(const void* data, std::size_t size);
  // Lower-case hexadecimal; the object is used up.
  [[nodiscard]] std::string hex();

 private:
  void block(const std::uint8_t* data);
  std::array<std::uint32_t, 8> state_{0x6a09e667U, 0xbb67ae85U, 0x3c6ef372U, 0xa54ff53aU, 0x510e527fU, 0x9b05688cU, 0x1f83d9abU, 0x5be0cd19U};
  std::array<std::uint8_t, 64> pending_{};
  std::size_t pending_size_ = 0;
  std::uint64_t total_ = 0;
};

// Compares size and hash of head and tail (quick), or the whole sha256 (full), with `facts`.
[[nodiscard]] Result<void> check_integrity(const std::filesystem::path& file, const ArtifactFacts& facts, Check check);

}  // namespace sample
