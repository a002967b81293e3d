// Whether a file is the one that this project was generated with.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "sample/model.hpp"

#include "assets/embedded.hpp"
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
  std::array<std::uint32_t, 8> state_{
      0x6a09e667U, 0xbb67ae85U, 0x3c6ef372U, 0xa54ff53aU, 0x510e527fU, 0x9b05688cU, 0x1f83d9abU, 0x5be0cd19U};
  std::array<std::uint8_t, 64> pending_{};
  std::size_t pending_size_ = 0;
  std::uint64_t total_ = 0;
};

// Fletcher-4 as ZFS has it: four sums over little-endian 32-bit words, fed piece by piece. It knows every changed
// byte, and costs a tenth of a sha256.
class Fletcher4 {
 public:
  // Every piece but the last is a multiple of four bytes.
  void update(const void* data, std::size_t size);
  // 64 hexadecimal digits.
  [[nodiscard]] std::string hex() const;

 private:
  std::array<std::uint64_t, 4> sums_{};
};

// Compares every byte with `facts`: by its checksum (quick), or by its sha256 (full).
[[nodiscard]] Result<void> check_integrity(const std::filesystem::path& file, const ArtifactFacts& facts, Check check);
[[nodiscard]] Result<void> check_integrity(EmbeddedFile bytes, const ArtifactFacts& facts, Check check);

// Compares size, head and tail only: for a file that is named and perhaps never read.
[[nodiscard]] Result<void> check_edges(const std::filesystem::path& file, const ArtifactFacts& facts);

}  // namespace sample
