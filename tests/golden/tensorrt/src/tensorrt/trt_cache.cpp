#include "tensorrt/trt_cache.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>
#include <string_view>
#include <system_error>

#include "assets/input_file.hpp"
#include "assets/integrity.hpp"
#include "assets/path_text.hpp"

#if defined(_WIN32)
#include <process.h>
#else
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#endif

namespace sample::trt {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "gencpp engine 2\n";
constexpr std::size_t kHashSize = 64;
constexpr std::size_t kHeaderSize = kMagic.size() + 2 * sizeof(std::uint64_t) + 2 * kHashSize;
constexpr std::size_t kMaxKeySize = 1U << 20U;  // a header that says more is damaged

struct Header {
  std::uint64_t key_size = 0;
  std::uint64_t plan_size = 0;
  std::string fletcher4;
  std::string sha256;
  std::string key;
};

std::string sha256(const void* data, std::size_t size) {
  Sha256 hash;
  hash.update(data, size);
  return hash.hex();
}

std::string fletcher4(const void* data, std::size_t size) {
  Fletcher4 sum;
  sum.update(data, size);
  return sum.hex();
}

std::string number_bytes(std::uint64_t number) {
  std::string bytes;
  for (unsigned shift = 0; shift < 64; shift += 8) {
    bytes += static_cast<char>(static_cast<unsigned char>(number >> shift));
  }
  return bytes;
}

std::uint64_t number_at(const char* bytes) {
  std::uint64_t number = 0;
  for (unsigned i = 0; i < 8; ++i) {
    number |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8U * i);
  }
  return number;
}

Error damaged(const fs::path& file, const std::string& how) {
  return Error{ErrorCode::bad_file, path_text(file) + " " + how};
}

// The header; `in` is then at the plan.
Result<Header> read_header(std::istream& in, const fs::path& file) {
  std::array<char, kHeaderSize> raw{};
  if (!in.read(raw.data(), raw.size())) {
    return damaged(file, "is truncated");
  }
  if (std::string_view(raw.data(), kMagic.size()) != kMagic) {
    return damaged(file, "is not an engine of this version's cache");
  }
  Header header;
  const char* at = raw.data() + kMagic.size();
  header.key_size = number_at(at);
  header.plan_size = number_at(at + 8);
  header.fletcher4.assign(at + 16, kHashSize);
  header.sha256.assign(at + 16 + kHashSize, kHashSize);
  const std::uint64_t key_size = header.key_size;
  if (key_size > kMaxKeySize) {
    return damaged(file, "is damaged");
  }
  header.key.resize(static_cast<std::size_t>(key_size));
  if (!in.read(header.key.data(), static_cast<std::streamsize>(header.key_size))) {
    return damaged(file, "is truncated");
  }
  return header;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
  }
  return lines;
}

// Where two keys differ: "gpu is A, wanted B"; empty where they do not have the same fields.
std::vector<std::string> differences(const std::string& found, const std::string& wanted) {
  const std::vector<std::string> a = lines_of(found);
  const std::vector<std::string> b = lines_of(wanted);
  std::vector<std::string> all;
  for (std::size_t i = 0; i < b.size() && a.size() == b.size(); ++i) {
    const std::size_t end = b[i].find(": ");
    if (end == std::string::npos || a[i].compare(0, end + 2, b[i], 0, end + 2) != 0) {
      return {};
    }
    if (a[i] != b[i]) {
      all.push_back(b[i].substr(0, end) + " is " + a[i].substr(end + 2) + ", wanted " + b[i].substr(end + 2));
    }
  }
  return all;
}

constexpr const char* kTemporary = ".tmp-";

// Other than anything that runs now calls its own.
std::string temporary_suffix() {
  static std::atomic<unsigned> count{0};
#if defined(_WIN32)
  const int process = _getpid();
#else
  const auto process = getpid();
#endif
  return kTemporary + std::to_string(process) + "-" + std::to_string(++count);
}

Error cannot_write(const fs::path& file, const std::string& why) {
  return Error{ErrorCode::io, "cannot write " + path_text(file) + ": " + why};
}

// The parts, one after the other, as one file.
Result<void> write_parts(const fs::path& file, const std::vector<std::pair<const void*, std::size_t>>& parts) {
  fs::path aside = file;
  aside += temporary_suffix();
  errno = 0;
  std::ofstream out(aside, std::ios::binary | std::ios::trunc);
  for (const auto& [data, size] : parts) {
    out.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
  }
  out.close();
  std::error_code error;
  if (!out) {
    const std::string why = errno != 0 ? std::generic_category().message(errno) : "the write failed";
    fs::remove(aside, error);
    return cannot_write(file, why);
  }
  fs::rename(aside, file, error);
  if (error) {
    const std::string why = error.message();
    fs::remove(aside, error);
    return cannot_write(file, why);
  }
  return {};
}

}  // namespace

std::string key_text(const KeyFields& fields) {
  std::string text;
  for (const auto& [name, value] : fields) {
    std::string line = name + ": " + value;
    std::replace(line.begin(), line.end(), '\n', ' ');
    text += line + "\n";
  }
  return text;
}

Result<fs::path> cache_folder(const fs::path& chosen) {
  if (!chosen.empty()) {
    return chosen;
  }
  const auto named = [](const char* variable) {
    const char* value = std::getenv(variable);
    return fs::path(value == nullptr ? "" : value);
  };
  // The XDG specification has relative paths ignored.
  if (const fs::path xdg = named("XDG_CACHE_HOME"); xdg.is_absolute()) {
    return xdg / "sample";
  }
#if defined(_WIN32)
  if (const fs::path local = named("LOCALAPPDATA"); !local.empty()) {
    return local / "sample";
  }
#endif
  if (const fs::path home = named("HOME"); !home.empty()) {
    return home / ".cache" / "sample";
  }
  return Error{ErrorCode::not_found,
      "there is no folder for the cache: neither XDG_CACHE_HOME nor HOME is set; name one in LoadOptions::cache_dir"};
}

std::string cache_file_name(const std::string& key, const char* suffix) {
  return "sample-" + sha256(key.data(), key.size()).substr(0, 16) + suffix;
}

Result<Bytes> read_cached(const fs::path& file, const std::string& key, Check check) {
  InputFile in;
  const Result<std::uint64_t> opened = in.open(file);
  if (!opened) {
    const bool missing = opened.error().code == ErrorCode::not_found;
    return Error{opened.error().code, path_text(file) + (missing ? " does not exist" : " " + opened.error().message)};
  }
  const std::uint64_t size = *opened;
  const Result<Header> header = read_header(in, file);
  if (!header) {
    return header.error();
  }
  const std::uint64_t before = kHeaderSize + header->key_size;
  const std::uint64_t expected = header->plan_size > std::numeric_limits<std::uint64_t>::max() - before
      ? std::numeric_limits<std::uint64_t>::max()
      : before + header->plan_size;
  if (size != expected) {
    return damaged(file,
        (size < expected ? "is truncated: " : "is damaged: ") + std::to_string(size) + " bytes, expected " +
            std::to_string(expected));
  }
  if (!key.empty() && header->key != key) {
    const std::vector<std::string> differing = differences(header->key, key);
    return damaged(
        file, "was made for something else" + (differing.empty() ? std::string() : ": " + differing.front()));
  }
  Bytes plan;
  plan.size = static_cast<std::size_t>(header->plan_size);
  plan.data.reset(new unsigned char[plan.size]);  // make_unique would zero it
  if (!in.read(reinterpret_cast<char*>(plan.data.get()), static_cast<std::streamsize>(plan.size))) {
    return Error{ErrorCode::io, path_text(file) + " cannot be read"};
  }
  const bool intact = check == Check::full ? sha256(plan.data.get(), plan.size) == header->sha256
                                           : fletcher4(plan.data.get(), plan.size) == header->fletcher4;
  if (!intact) {
    return damaged(file,
        std::string("is damaged: its ") + (check == Check::full ? "sha256" : "checksum") +
            " is not the one that was written");
  }
  return plan;
}

Result<void> write_cached(const fs::path& file, const std::string& key, const void* plan, std::size_t size) {
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (error) {
    return cannot_write(file, error.message());
  }
  const std::string header = std::string(kMagic) + number_bytes(key.size()) + number_bytes(size) +
      fletcher4(plan, size) + sha256(plan, size) + key;
  return write_parts(file, {{header.data(), header.size()}, {plan, size}});
}

Result<void> write_whole_file(const fs::path& file, const void* data, std::size_t size) {
  return write_parts(file, {{data, size}});
}

void remove_leftovers(const fs::path& file) {
  const std::string prefix = path_text(file.filename()) + kTemporary;
  std::vector<fs::path> leftovers;
  std::error_code error;
  for (fs::directory_iterator at(file.parent_path(), error), end; !error && at != end; at.increment(error)) {
    if (path_text(at->path().filename()).compare(0, prefix.size(), prefix) == 0) {
      leftovers.push_back(at->path());
    }
  }
  for (const fs::path& leftover : leftovers) {
    fs::remove(leftover, error);
  }
}

bool is_cached_engine(const unsigned char* head, std::size_t size) noexcept {
  return size >= kMagic.size() && std::memcmp(head, kMagic.data(), kMagic.size()) == 0;
}

std::string nearest_engine(const fs::path& folder, const std::string& key) {
  std::vector<std::string> nearest;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() != ".engine") {
      continue;
    }
    InputFile in;
    if (!in.open(at->path())) {
      continue;
    }
    const Result<Header> header = read_header(in, at->path());
    if (!header) {
      continue;
    }
    std::vector<std::string> differing = differences(header->key, key);
    if (!differing.empty() && (nearest.empty() || differing.size() < nearest.size())) {
      nearest = std::move(differing);
    }
  }
  std::string text;
  for (const std::string& difference : nearest) {
    text += (text.empty() ? "" : "; ") + difference;
  }
  return text;
}

#if defined(_WIN32)

BuildLock::BuildLock(const fs::path& /*file*/, const std::function<void()>& /*waiting*/) {}

BuildLock::~BuildLock() = default;

#else

BuildLock::BuildLock(const fs::path& file, const std::function<void()>& waiting) {
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  descriptor_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    return;
  }
  int locked = ::flock(descriptor_, LOCK_EX | LOCK_NB);
  if (locked != 0 && errno == EWOULDBLOCK) {
    waited_ = true;
    try {
      waiting();
    } catch (...) {  // of the caller's; the destructor does not run for an object that was not made
      ::close(descriptor_);
      throw;
    }
    do {
      locked = ::flock(descriptor_, LOCK_EX);
    } while (locked != 0 && errno == EINTR);
  }
  if (locked != 0) {
    ::close(descriptor_);
    descriptor_ = -1;
  }
}

BuildLock::~BuildLock() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);  // releases it
  }
}

#endif

}  // namespace sample::trt
