#include "assets/integrity.hpp"

#include <algorithm>
#include <cstring>
#include <istream>
#include <vector>

#include "assets/input_file.hpp"
#include "assets/path_text.hpp"

namespace sample {
namespace {

constexpr std::size_t kEdge = 64 * 1024;  // bytes of head and of tail
constexpr char kDigits[] = "0123456789abcdef";

constexpr std::array<std::uint32_t, 64> kRound{
    0x428a2f98U, 0x71374491U, 0xb5c0fbcfU, 0xe9b5dba5U, 0x3956c25bU, 0x59f111f1U, 0x923f82a4U, 0xab1c5ed5U,
    0xd807aa98U, 0x12835b01U, 0x243185beU, 0x550c7dc3U, 0x72be5d74U, 0x80deb1feU, 0x9bdc06a7U, 0xc19bf174U,
    0xe49b69c1U, 0xefbe4786U, 0x0fc19dc6U, 0x240ca1ccU, 0x2de92c6fU, 0x4a7484aaU, 0x5cb0a9dcU, 0x76f988daU,
    0x983e5152U, 0xa831c66dU, 0xb00327c8U, 0xbf597fc7U, 0xc6e00bf3U, 0xd5a79147U, 0x06ca6351U, 0x14292967U,
    0x27b70a85U, 0x2e1b2138U, 0x4d2c6dfcU, 0x53380d13U, 0x650a7354U, 0x766a0abbU, 0x81c2c92eU, 0x92722c85U,
    0xa2bfe8a1U, 0xa81a664bU, 0xc24b8b70U, 0xc76c51a3U, 0xd192e819U, 0xd6990624U, 0xf40e3585U, 0x106aa070U,
    0x19a4c116U, 0x1e376c08U, 0x2748774cU, 0x34b0bcb5U, 0x391c0cb3U, 0x4ed8aa4aU, 0x5b9cca4fU, 0x682e6ff3U,
    0x748f82eeU, 0x78a5636fU, 0x84c87814U, 0x8cc70208U, 0x90befffaU, 0xa4506cebU, 0xbef9a3f7U, 0xc67178f2U};

constexpr std::uint32_t rotate(std::uint32_t x, unsigned n) { return (x >> n) | (x << (32U - n)); }

Error differs(
    const std::filesystem::path& file, const std::string& what, const std::string& expected, const std::string& found) {
  return Error{ErrorCode::integrity,
      path_text(file) + " is not the artifact of this project (" + what + " expected " + expected + ", found " + found +
          "): it was truncated, swapped or edited. Generate the project anew or restore the file."};
}

// Feeds `size` bytes from `offset` on; false when the file ends before.
template <typename Hash>
bool hash_range(std::istream& in, std::uint64_t offset, std::uint64_t size, Hash& hash) {
  std::vector<char> buffer(1U << 20U);
  in.clear();
  in.seekg(static_cast<std::streamoff>(offset));
  while (size > 0) {
    const std::uint64_t part = std::min<std::uint64_t>(size, buffer.size());
    if (!in.read(buffer.data(), static_cast<std::streamsize>(part))) {
      return false;
    }
    hash.update(buffer.data(), static_cast<std::size_t>(part));
    size -= part;
  }
  return true;
}

Error cannot_read(const std::filesystem::path& file) {
  return Error{ErrorCode::io, "cannot read artifact " + path_text(file)};
}

// Opens the file, if it has the size that it should have.
Result<void> open_file(InputFile& in, const std::filesystem::path& file, const ArtifactFacts& facts) {
  const Result<std::uint64_t> size = in.open(file);
  if (!size) {
    return Error{size.error().code, "cannot read artifact " + path_text(file) + ": " + size.error().message};
  }
  if (*size != facts.size) {
    return differs(
        file, "sha256 " + std::string(facts.sha256) + ", bytes", std::to_string(facts.size), std::to_string(*size));
  }
  return {};
}

template <typename Hash>
Result<void> compare(std::istream& in, std::uint64_t size, const std::filesystem::path& file, Hash hash,
    const char* what, const std::string& expected) {
  if (!hash_range(in, 0, size, hash)) {
    return cannot_read(file);
  }
  const std::string found = hash.hex();
  return found == expected ? Result<void>() : differs(file, what, expected, found);
}

}  // namespace

void Sha256::update(const void* data, std::size_t size) {
  const std::uint8_t* bytes = static_cast<const std::uint8_t*>(data);
  total_ += size;
  while (size > 0) {
    if (pending_size_ == 0 && size >= pending_.size()) {
      block(bytes);
      bytes += pending_.size();
      size -= pending_.size();
      continue;
    }
    const std::size_t part = std::min(size, pending_.size() - pending_size_);
    std::memcpy(pending_.data() + pending_size_, bytes, part);
    pending_size_ += part;
    bytes += part;
    size -= part;
    if (pending_size_ == pending_.size()) {
      block(pending_.data());
      pending_size_ = 0;
    }
  }
}

std::string Sha256::hex() {
  const std::uint64_t bits = total_ * 8U;
  const std::uint8_t one = 0x80;
  const std::uint8_t zero = 0;
  update(&one, 1);
  while (pending_size_ != 56) {
    update(&zero, 1);
  }
  std::array<std::uint8_t, 8> length{};
  for (unsigned i = 0; i < 8; ++i) {
    length[i] = static_cast<std::uint8_t>(bits >> (56U - 8U * i));
  }
  update(length.data(), length.size());

  std::string text;
  for (const std::uint32_t word : state_) {
    for (unsigned shift = 32; shift > 0; shift -= 4) {
      text += kDigits[(word >> (shift - 4U)) & 15U];
    }
  }
  return text;
}

void Sha256::block(const std::uint8_t* data) {
  std::array<std::uint32_t, 64> w{};
  for (std::size_t i = 0; i < 16; ++i) {
    w[i] = (static_cast<std::uint32_t>(data[4 * i]) << 24U) | (static_cast<std::uint32_t>(data[4 * i + 1]) << 16U) |
        (static_cast<std::uint32_t>(data[4 * i + 2]) << 8U) | static_cast<std::uint32_t>(data[4 * i + 3]);
  }
  for (std::size_t i = 16; i < 64; ++i) {
    const std::uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ (w[i - 15] >> 3U);
    const std::uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ (w[i - 2] >> 10U);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  auto [a, b, c, d, e, f, g, h] = state_;
  for (std::size_t i = 0; i < 64; ++i) {
    const std::uint32_t s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const std::uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + kRound[i] + w[i];
    const std::uint32_t s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const std::uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  const std::array<std::uint32_t, 8> added{a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < 8; ++i) {
    state_[i] += added[i];
  }
}

void Fletcher4::update(const void* data, std::size_t size) {
  const std::uint8_t* bytes = static_cast<const std::uint8_t*>(data);
  auto [a, b, c, d] = sums_;
  const auto add = [&](std::uint32_t word) {
    a += word;
    b += a;
    c += b;
    d += c;
  };
  for (; size >= 4; bytes += 4, size -= 4) {
    add(static_cast<std::uint32_t>(bytes[0]) | (static_cast<std::uint32_t>(bytes[1]) << 8U) |
        (static_cast<std::uint32_t>(bytes[2]) << 16U) | (static_cast<std::uint32_t>(bytes[3]) << 24U));
  }
  if (size > 0) {
    std::uint32_t last = 0;
    for (unsigned i = 0; i < size; ++i) {
      last |= static_cast<std::uint32_t>(bytes[i]) << (8U * i);
    }
    add(last);
  }
  sums_ = {a, b, c, d};
}

std::string Fletcher4::hex() const {
  std::string text;
  for (const std::uint64_t sum : sums_) {
    for (unsigned shift = 64; shift > 0; shift -= 4) {
      text += kDigits[(sum >> (shift - 4U)) & 15U];
    }
  }
  return text;
}

Result<void> check_integrity(const std::filesystem::path& file, const ArtifactFacts& facts, Check check) {
  InputFile in;
  if (Result<void> opened = open_file(in, file, facts); !opened) {
    return opened;
  }
  return check == Check::full ? compare(in, facts.size, file, Sha256(), "sha256", facts.sha256)
                              : compare(in, facts.size, file, Fletcher4(), "checksum", facts.fletcher4);
}

Result<void> check_integrity(EmbeddedFile bytes, const ArtifactFacts& facts, Check check) {
  Sha256 hash;
  Fletcher4 sum;
  if (check == Check::full) {
    hash.update(bytes.data, bytes.size);
  } else {
    sum.update(bytes.data, bytes.size);
  }
  const std::string found = check == Check::full ? hash.hex() : sum.hex();
  const std::string expected = check == Check::full ? facts.sha256 : facts.fletcher4;
  if (bytes.size != facts.size || found != expected) {
    return Error{ErrorCode::integrity,
        std::string(facts.file) + " inside this binary is not the artifact of this project (" +
            (check == Check::full ? "sha256" : "checksum") + " expected " + expected + ", found " + found +
            "): build the library anew."};
  }
  return {};
}

Result<void> check_edges(const std::filesystem::path& file, const ArtifactFacts& facts) {
  InputFile in;
  if (Result<void> opened = open_file(in, file, facts); !opened) {
    return opened;
  }
  if (facts.size < 2 * kEdge) {
    return compare(in, facts.size, file, Sha256(), "sha256", facts.sha256);
  }
  Sha256 hash;
  if (!hash_range(in, 0, kEdge, hash) || !hash_range(in, facts.size - kEdge, kEdge, hash)) {
    return cannot_read(file);
  }
  const std::string found = hash.hex();
  return found == facts.head_tail_sha256 ? Result<void>()
                                         : differs(file, "sha256 of head and tail", facts.head_tail_sha256, found);
}

}  // namespace sample
