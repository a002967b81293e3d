// Engines on disk, without TensorRT: what is written is read back, and whatever is not that is refused.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"
#include "tensorrt/trt_cache.hpp"

#if !defined(_WIN32)
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace {= name =}::test {
namespace {

namespace fs = std::filesystem;
using trt::Bytes;

std::vector<unsigned char> some_plan(std::size_t size) {
  std::vector<unsigned char> plan(size);
  std::uint32_t state = 1;
  for (unsigned char& byte : plan) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<unsigned char>(state >> 24U);
  }
  return plan;
}

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

void change_byte(const fs::path& file, std::uintmax_t at) {
  std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
  stream.seekg(static_cast<std::streamoff>(at));
  const int byte = stream.get();
  stream.seekp(static_cast<std::streamoff>(at));
  stream.put(static_cast<char>(byte ^ 1));
}

void test_round_trip(const fs::path& folder, Checker& check) {
  const std::string key = trt::key_text({{"gpu", "A"}, {"tensorrt", "1.2.3"}});
  check.that(key == "gpu: A\ntensorrt: 1.2.3\n", "the key reads '" + key + "'");
  check.that(trt::key_text({{"gpu", "A\nB"}}) == "gpu: A B\n", "a value of several lines becomes one");
  const fs::path file = folder / "made" / trt::cache_file_name(key, ".engine");
  check.fails(
      trt::read_cached(file, key, Check::quick), ErrorCode::not_found, "does not exist", "an engine that is not there");

  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{65536}, std::size_t{300000}}) {
    const std::vector<unsigned char> plan = some_plan(size);
    const Result<void> written = trt::write_cached(file, key, plan.data(), plan.size());
    check.that(written.ok(), written.ok() ? "" : written.error().message);
    for (const auto how : {Check::quick, Check::full}) {
      const Result<Bytes> read = trt::read_cached(file, key, how);
      check.that(read.ok() && read->size == size && std::equal(plan.begin(), plan.end(), read->data.get()),
          "a plan of " + std::to_string(size) + " bytes is not read back");
    }
  }
  check.that(files_in(file.parent_path()) == 1, "temporary files are left");
  std::ofstream(file.string() + ".tmp-1-1") << "of a writer that was killed";
  std::ofstream(file.string() + ".lock") << "";
  trt::remove_leftovers(file);
  check.that(files_in(file.parent_path()) == 2 && trt::read_cached(file, key, Check::quick).ok(),
      "leftovers, and nothing else, are removed");
  fs::remove(file.string() + ".lock");

  const std::string other = trt::key_text({{"gpu", "B"}, {"tensorrt", "1.2.3"}});
  check.fails(trt::read_cached(file, other, Check::quick), ErrorCode::bad_file, "gpu is A, wanted B",
      "an engine for another GPU");
  check.that(trt::cache_file_name(other, ".engine") != trt::cache_file_name(key, ".engine"), "two keys have one name");
  check.that(trt::read_cached(file, "", Check::full).ok(), "without a key any engine is read");
  check.that(trt::nearest_engine(file.parent_path(), other) == "gpu is A, wanted B",
      "the nearest engine: '" + trt::nearest_engine(file.parent_path(), other) + "'");
#if !defined(_WIN32)
  const fs::path pipe = file.parent_path() / "pipe.engine";
  check.that(::mkfifo(pipe.c_str(), 0600) == 0, "mkfifo");
  check.that(
      trt::nearest_engine(file.parent_path(), other) == "gpu is A, wanted B", "the nearest engine beside a pipe");
  check.fails(trt::read_cached(pipe, key, Check::quick), ErrorCode::bad_file, "a pipe", "a pipe in the cache");
#endif
  check.that(trt::nearest_engine(folder / "none", other).empty(), "a folder that is not there has no engines");
}

void test_damage(const fs::path& folder, Checker& check) {
  const std::string key = trt::key_text({{"gpu", "A"}});
  const fs::path file = folder / "damaged.engine";
  const std::vector<unsigned char> plan = some_plan(300000);
  const auto write = [&] { return trt::write_cached(file, key, plan.data(), plan.size()).ok(); };

  check.that(write(), "writing");
  const std::uintmax_t size = fs::file_size(file);
  for (const std::uintmax_t left : {std::uintmax_t{0}, std::uintmax_t{10}, std::uintmax_t{170}, size - 1}) {
    check.that(write(), "writing");
    fs::resize_file(file, left);
    check.fails(trt::read_cached(file, key, Check::quick), ErrorCode::bad_file, "truncated",
        "an engine cut to " + std::to_string(left) + " bytes");
  }
  check.that(write(), "writing");
  std::ofstream(file, std::ios::binary | std::ios::app) << "more";
  check.fails(trt::read_cached(file, key, Check::quick), ErrorCode::bad_file, "damaged", "an engine that is too long");
  check.that(write(), "writing");
  change_byte(file, size - 1);
  check.fails(trt::read_cached(file, key, Check::quick), ErrorCode::bad_file, "checksum", "an engine with another end");
  check.that(write(), "writing");
  change_byte(file, size - 150000);
  check.fails(
      trt::read_cached(file, key, Check::quick), ErrorCode::bad_file, "checksum", "an engine with another middle");
  check.fails(trt::read_cached(file, key, Check::full), ErrorCode::bad_file, "sha256",
      "an engine with another middle, looked at in full");
  check.that(write(), "writing");
  change_byte(file, 3);
  check.fails(
      trt::read_cached(file, key, Check::quick), ErrorCode::bad_file, "not an engine", "a file of another kind");
  check.that(write(), "writing");
  change_byte(file, 22);  // the size of the key becomes huge
  check.fails(trt::read_cached(file, key, Check::quick), ErrorCode::bad_file, "damaged", "a size that cannot be");
  for (const std::uintmax_t byte : {std::uintmax_t{28}, std::uintmax_t{31}}) {  // the size of the plan becomes huge
    check.that(write(), "writing");
    change_byte(file, byte);
    check.fails(trt::read_cached(file, key, Check::quick), ErrorCode::bad_file, "truncated",
        "a plan of a size that cannot be");
  }
}

void test_folders(const fs::path& folder, Checker& check) {
#if !defined(_WIN32)
  const Result<fs::path> chosen = trt::cache_folder("some/where");
  check.that(chosen.ok() && *chosen == "some/where", "the folder of the caller's choice");
  ::setenv("XDG_CACHE_HOME", "/xdg", 1);
  ::setenv("HOME", "/home/somebody", 1);
  check.that(trt::cache_folder({}).value() == "/xdg/{= name =}", "XDG_CACHE_HOME");
  ::setenv("XDG_CACHE_HOME", "not/absolute", 1);
  check.that(trt::cache_folder({}).value() == "/home/somebody/.cache/{= name =}", "HOME");
  ::unsetenv("XDG_CACHE_HOME");
  check.that(trt::cache_folder({}).value() == "/home/somebody/.cache/{= name =}", "HOME without XDG_CACHE_HOME");
  ::unsetenv("HOME");
  check.fails(trt::cache_folder({}), ErrorCode::not_found, "LoadOptions::cache_dir", "no folder at all");
#endif
  // A file where the folder should be: as little to be written as a read-only one, for root too.
  std::ofstream(folder / "file") << "x";
  const fs::path blocked = folder / "file" / "cache" / "x.engine";
  check.fails(
      trt::write_cached(blocked, "k: v\n", "plan", 4), ErrorCode::io, "cannot write", "a folder that cannot be made");
  check.fails(trt::read_cached(blocked, "k: v\n", Check::quick), ErrorCode::not_found, "does not exist",
      "an engine below a file");
  const trt::BuildLock lock(blocked, [] {});
  check.that(!lock.held() && !lock.waited(), "without a lock the builder goes on alone");
}

// A disk that is full, in effect: the system takes only so many bytes of a file.
void test_full_disk(const fs::path& folder, Checker& check) {
#if !defined(_WIN32)
  const std::string key = trt::key_text({{"gpu", "A"}});
  const fs::path file = folder / "full" / "x.engine";
  const std::vector<unsigned char> small = some_plan(1000);
  const std::vector<unsigned char> large = some_plan(1000000);
  check.that(trt::write_cached(file, key, small.data(), small.size()).ok(), "writing");
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  rlimit limit = before;
  limit.rlim_cur = 100000;
  ::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &limit);
  const Result<void> written = trt::write_cached(file, key, large.data(), large.size());
  ::setrlimit(RLIMIT_FSIZE, &before);
  check.fails(written, ErrorCode::io, "cannot write", "a plan that does not fit on the disk");
  check.that(files_in(file.parent_path()) == 1, "half an engine is left");
  const Result<Bytes> read = trt::read_cached(file, key, Check::full);
  check.that(read.ok() && read->size == small.size(), "the engine that was there before is gone");
#endif
}

void test_locks(const fs::path& folder, Checker& check) {
#if !defined(_WIN32)
  const fs::path file = folder / "x.lock";
  {
    const trt::BuildLock first(file, [] {});
    check.that(first.held() && !first.waited(), "a free lock is taken at once");
  }
  bool told = false;
  {
    auto first = std::make_unique<trt::BuildLock>(file, [] {});
    std::thread holder([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      first.reset();
    });
    const trt::BuildLock second(file, [&] { told = true; });
    check.that(second.held() && second.waited() && told, "the second waits for the first");
    holder.join();
  }
  // A process that dies with the lock in its hands leaves it free.
  int ready[2] = {};
  check.that(::pipe(ready) == 0, "pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    const int descriptor = ::open(file.c_str(), O_RDWR);
    const bool locked = ::flock(descriptor, LOCK_EX) == 0 && ::write(ready[1], "x", 1) == 1;
    ::usleep(200000);
    ::_exit(locked ? 0 : 1);
  }
  char byte = 0;
  check.that(::read(ready[0], &byte, 1) == 1, "the other process has the lock");
  const trt::BuildLock after(file, [] {});
  check.that(after.held() && after.waited(), "the lock is free after its holder died");
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
#endif
}

// Readers find a whole file or none while others write it again and again.
void test_writers(const fs::path& folder, Checker& check) {
  const std::string key = trt::key_text({{"gpu", "A"}});
  const fs::path file = folder / "busy.engine";
  const std::vector<unsigned char> plan = some_plan(200000);
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        (void)trt::write_cached(file, key, plan.data(), plan.size());
      }
    });
  }
  std::string failure;
  for (int i = 0; i < 200; ++i) {
    const Result<Bytes> read = trt::read_cached(file, key, Check::full);
    if (!read && read.error().code != ErrorCode::not_found) {
      failure = read.error().message;
    }
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  check.that(failure.empty(), "a reader met half an engine: " + failure);
  check.that(trt::read_cached(file, key, Check::full).ok(), "the last engine is whole");
}

}  // namespace
}  // namespace {= name =}::test

int main() {
  using namespace {= name =}::test;
  Checker check;
  const Scratch scratch("cache");
  const std::filesystem::path& folder = scratch.folder();
  test_round_trip(folder, check);
  test_damage(folder, check);
  test_writers(folder, check);
  test_locks(folder, check);
  test_full_disk(folder, check);
  test_folders(folder, check);
  return check.exit_code();
}
