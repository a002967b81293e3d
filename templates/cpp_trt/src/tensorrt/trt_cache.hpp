// Engines on disk: found by everything that they depend on, written whole or not at all. No TensorRT here.
//
// A file of the cache is: "gencpp engine 2\n", size of the key and size of the plan (64 bits each, least
// significant byte first), Fletcher-4 and sha256 of the plan (64 characters each), key, plan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "{= name =}/model.hpp"

namespace {= name =}::trt {

// Memory that is not zeroed before it is read into.
struct Bytes {
  std::unique_ptr<unsigned char[]> data;
  std::size_t size = 0;
};

// What an engine depends on: names and values, one a line of the key.
using KeyFields = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] std::string key_text(const KeyFields& fields);

// The folder of the caller's choice, or else {= name =}/ in the user's cache folder; not_found when the
// environment names none.
[[nodiscard]] Result<std::filesystem::path> cache_folder(const std::filesystem::path& chosen);

// "{= name =}-0123456789abcdef.engine"
[[nodiscard]] std::string cache_file_name(const std::string& key, const char* suffix);

// The plan in a file of the cache. not_found: there is no such file; any other error: why it cannot be used.
// An empty key stands for any.
[[nodiscard]] Result<Bytes> read_cached(const std::filesystem::path& file, const std::string& key, Check check);

// Writes under another name and renames: no reader ever sees a part, and nothing stays of a failure.
[[nodiscard]] Result<void> write_cached(
    const std::filesystem::path& file, const std::string& key, const void* plan, std::size_t size);
[[nodiscard]] Result<void> write_whole_file(const std::filesystem::path& file, const void* data, std::size_t size);

// Removes what writers of `file` left that were killed; for the holder of its lock.
void remove_leftovers(const std::filesystem::path& file);

// Whether these are the first bytes of a file of the cache.
[[nodiscard]] bool is_cached_engine(const unsigned char* head, std::size_t size) noexcept;

// How the engine of the cache that comes nearest to `key` differs from it: "tensorrt is 10.9.0, wanted
// 10.13.3". Empty when the folder holds none of this artifact.
[[nodiscard]] std::string nearest_engine(const std::filesystem::path& folder, const std::string& key);

// Keeps other processes and threads from building the same engine meanwhile. The system releases it with
// the process, however that ends.
class BuildLock {
 public:
  // Waits for the lock of `file`; `waiting` is called once if it is not free. Without a lock (a folder that
  // cannot be written, a file system that has none) the builder goes on alone.
  BuildLock(const std::filesystem::path& file, const std::function<void()>& waiting);
  BuildLock(const BuildLock&) = delete;
  BuildLock& operator=(const BuildLock&) = delete;
  ~BuildLock();

  [[nodiscard]] bool held() const noexcept { return descriptor_ >= 0; }
  // Whether somebody else held it first, and so may have built the engine.
  [[nodiscard]] bool waited() const noexcept { return waited_; }

 private:
  int descriptor_ = -1;
  bool waited_ = false;
};

}  // namespace {= name =}::trt
