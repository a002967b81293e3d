#include "assets/input_file.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <system_error>

#if defined(_WIN32)
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#endif

namespace sample {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = 64 * 1024;
constexpr std::size_t kMost = std::size_t{1} << 30U;  // in one call: no system takes more than 2 GB

Error is_folder() { return Error{ErrorCode::io, "is a folder"}; }

Error no_regular_file(const char* what) {
  return Error{ErrorCode::bad_file,
      std::string("is no regular file but ") + what + ": write its content to a file and give that"};
}

Error missing(const fs::path& file) {
  std::error_code ignored;
  const bool link = fs::is_symlink(fs::symlink_status(file, ignored));
  return Error{ErrorCode::not_found, link ? "no such file: it is a link to what is not there" : "no such file"};
}

}  // namespace

#if defined(_WIN32)

Result<std::uint64_t> FileBuffer::open(const fs::path& file) {
  const DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
  // With "backup semantics" a folder is opened, too, and can be told from a file that is not readable.
  const HANDLE handle =
      CreateFileW(file.c_str(), GENERIC_READ, share, nullptr, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr);
  if (handle == INVALID_HANDLE_VALUE) {
    const DWORD why = GetLastError();
    if (why == ERROR_FILE_NOT_FOUND || why == ERROR_PATH_NOT_FOUND) {
      return missing(file);
    }
    return Error{ErrorCode::io, "cannot be read: " + std::system_category().message(static_cast<int>(why))};
  }
  handle_ = handle;
  if (GetFileType(handle) != FILE_TYPE_DISK) {
    return no_regular_file("a pipe or a device");
  }
  BY_HANDLE_FILE_INFORMATION facts{};
  if (GetFileInformationByHandle(handle, &facts) == 0) {
    return Error{ErrorCode::io, "cannot be read"};
  }
  if ((facts.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0) {
    return is_folder();
  }
  size_ = std::uint64_t{facts.nFileSizeHigh} << 32U | facts.nFileSizeLow;
  return size_;
}

void FileBuffer::close() noexcept {
  if (handle_ != nullptr) {
    CloseHandle(handle_);
  }
  handle_ = nullptr;
}

std::size_t FileBuffer::read_some(char* out, std::size_t count) {
  const std::uint64_t left = size_ - position_;
  const auto wanted = static_cast<DWORD>(std::min<std::uint64_t>({left, count, kMost}));
  LARGE_INTEGER at{};
  at.QuadPart = static_cast<LONGLONG>(position_);
  DWORD got = 0;
  if (wanted == 0 || handle_ == nullptr || SetFilePointerEx(handle_, at, nullptr, FILE_BEGIN) == 0 ||
      ReadFile(handle_, out, wanted, &got, nullptr) == 0) {
    return 0;
  }
  position_ += got;
  return got;
}

#else

namespace {

// An Error where that is no regular file.
Result<void> check_kind(const struct stat& facts) {
  if (S_ISREG(facts.st_mode)) {
    return {};
  }
  if (S_ISDIR(facts.st_mode)) {
    return is_folder();
  }
  return no_regular_file(S_ISFIFO(facts.st_mode) ? "a pipe" : (S_ISSOCK(facts.st_mode) ? "a socket" : "a device"));
}

Error cannot_open(const fs::path& file, int why) {
  if (why == ENOENT || why == ENOTDIR) {
    return missing(file);
  }
  return Error{ErrorCode::io, "cannot be read: " + std::generic_category().message(why)};
}

}  // namespace

Result<std::uint64_t> FileBuffer::open(const fs::path& file) {
  struct stat facts{};
  if (::stat(file.c_str(), &facts) != 0) {
    return cannot_open(file, errno);
  }
  if (const Result<void> kind = check_kind(facts); !kind) {
    return kind.error();  // not even opened: for some devices that is an order
  }
  do {  // what has the name by now may be a pipe, which would wait for its other end
    descriptor_ = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  } while (descriptor_ < 0 && errno == EINTR);
  if (descriptor_ < 0) {
    return cannot_open(file, errno);
  }
  if (::fstat(descriptor_, &facts) != 0) {
    return cannot_open(file, errno);
  }
  if (const Result<void> kind = check_kind(facts); !kind) {
    return kind.error();
  }
  size_ = static_cast<std::uint64_t>(facts.st_size);
  return size_;
}

void FileBuffer::close() noexcept {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
  descriptor_ = -1;
}

std::size_t FileBuffer::read_some(char* out, std::size_t count) {
  const std::uint64_t most = std::min<std::uint64_t>({size_ - position_, count, kMost});
  const auto wanted = static_cast<std::size_t>(most);
  if (wanted == 0 || descriptor_ < 0) {
    return 0;
  }
  ssize_t got = 0;
  do {
    got = ::pread(descriptor_, out, wanted, static_cast<off_t>(position_));
  } while (got < 0 && errno == EINTR);
  if (got <= 0) {
    return 0;
  }
  position_ += static_cast<std::uint64_t>(got);
  return static_cast<std::size_t>(got);
}

#endif

FileBuffer::int_type FileBuffer::underflow() {
  if (gptr() < egptr()) {
    return traits_type::to_int_type(*gptr());
  }
  block_.resize(kBlock);
  const std::size_t got = read_some(block_.data(), block_.size());
  setg(block_.data(), block_.data(), block_.data() + got);
  return got == 0 ? traits_type::eof() : traits_type::to_int_type(*gptr());
}

std::streamsize FileBuffer::xsgetn(char* out, std::streamsize count) {
  std::streamsize done = 0;
  while (done < count) {
    const std::streamsize wanted = count - done;
    if (gptr() == egptr() && static_cast<std::size_t>(wanted) >= kBlock) {
      setg(nullptr, nullptr, nullptr);  // straight to where it belongs, so that the block ends elsewhere
      const std::size_t got = read_some(out + done, static_cast<std::size_t>(wanted));
      if (got == 0) {
        break;
      }
      done += static_cast<std::streamsize>(got);
      continue;
    }
    if (traits_type::eq_int_type(underflow(), traits_type::eof())) {
      break;
    }
    const std::streamsize part = std::min<std::streamsize>(wanted, egptr() - gptr());
    std::memcpy(out + done, gptr(), static_cast<std::size_t>(part));
    setg(eback(), gptr() + part, egptr());
    done += part;
  }
  return done;
}

FileBuffer::pos_type FileBuffer::seekoff(off_type offset, std::ios::seekdir from, std::ios::openmode /*which*/) {
  const auto here = static_cast<off_type>(position_) - (egptr() - gptr());
  const off_type base = from == std::ios::beg ? 0 : (from == std::ios::cur ? here : static_cast<off_type>(size_));
  const off_type target = base + offset;
  if (target < 0 || target > static_cast<off_type>(size_)) {
    return pos_type(off_type(-1));
  }
  const auto begin = static_cast<off_type>(position_) - (egptr() - eback());
  if (eback() != nullptr && target >= begin && target <= static_cast<off_type>(position_)) {
    setg(eback(), eback() + (target - begin), egptr());
  } else {
    setg(nullptr, nullptr, nullptr);
    position_ = static_cast<std::uint64_t>(target);
  }
  return pos_type(target);
}

Result<std::uint64_t> InputFile::open(const fs::path& file) {
  Result<std::uint64_t> size = buffer_.open(file);
  setstate(size ? std::ios::goodbit : std::ios::failbit);
  return size;
}

}  // namespace sample
