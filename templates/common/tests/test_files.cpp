// Files that lie: what claims more than it holds, what is no regular file, and what costs more than a picture may. Each
// is refused at once, with a clear error, and without the memory that it asks for.
#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#if !defined(_WIN32)
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#endif

#include "{= name =}/image.hpp"
#include "{= name =}/labels.hpp"
#include "{= name =}/npy.hpp"

#include "assets/input_file.hpp"
#include "assets/integrity.hpp"
#include "check.hpp"

namespace {= name =}::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kGigabyte = std::uint64_t{1} << 30U;

fs::path write_bytes(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
  return file;
}

template <std::size_t Size>
std::string text_of(const char (&literal)[Size]) {
  return std::string(literal, Size - 1);  // with the zeros inside
}

// Of a file, with bytes that nobody wrote: it takes no room on the disk.
fs::path write_sparse(const fs::path& file, const std::string& head, std::uint64_t size) {
  write_bytes(file, head);
  std::error_code error;
  fs::resize_file(file, size, error);
  return error ? fs::path() : file;
}

// The most memory that this process had so far, in megabytes; 0 where that is not told.
long peak_megabytes() {
#if defined(_WIN32)
  return 0;
#else
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
#if defined(__APPLE__)
  constexpr long unit = 1024 * 1024;  // it tells bytes
#else
  constexpr long unit = 1024;  // it tells kilobytes
#endif
  return usage.ru_maxrss / unit;
#endif
}

// Every reader of a file that is none.
void refused_everywhere(const fs::path& file, ErrorCode code, const std::string& part, Checker& check) {
  const std::string name = file.filename().string();
  check.fails(read_image(file), code, part, "a picture: " + name);
  check.fails(read_npy(file), code, part, "a .npy: " + name);
  check.fails(read_raw(file, DType::uint8, Dims{3}), code, part, "a raw tensor: " + name);
  check.fails(load_labels(file), code, part, "labels: " + name);
  check.fails(check_integrity(file, artifact_facts(), Check::quick), code, part, "an artifact: " + name);
}

void test_kinds(const fs::path& folder, Checker& check) {
  fs::create_directories(folder / "folder.png");
  refused_everywhere(folder / "folder.png", ErrorCode::io, "is a folder", check);
  refused_everywhere(folder / "missing.png", ErrorCode::not_found, "no such file", check);
#if !defined(_WIN32)
  fs::create_symlink(folder / "nowhere", folder / "link.png");
  refused_everywhere(folder / "link.png", ErrorCode::not_found, "a link to what is not there", check);
  check.that(::mkfifo((folder / "pipe.png").c_str(), 0600) == 0, "mkfifo");
  refused_everywhere(folder / "pipe.png", ErrorCode::bad_file, "a pipe", check);  // nobody will ever write to it
  fs::create_symlink(folder / "pipe.png", folder / "link_to_pipe.npy");
  refused_everywhere(folder / "link_to_pipe.npy", ErrorCode::bad_file, "a pipe", check);
  if (fs::is_character_file("/dev/zero")) {
    refused_everywhere("/dev/zero", ErrorCode::bad_file, "a device", check);
  }
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = (folder / "s").string();
  if (socket >= 0 && name.size() < sizeof address.sun_path) {
    std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
    if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      refused_everywhere(name, ErrorCode::bad_file, "a socket", check);
    }
  }
  ::close(socket);
#endif
  const fs::path empty = write_bytes(folder / "empty.png", "");
  check.fails(read_image(empty), ErrorCode::bad_file, "empty", "an empty picture");
  check.fails(read_npy(empty), ErrorCode::bad_file, "not a .npy", "an empty .npy");
}

// 2x1 pixels, up to the first chunk behind the head.
std::string png_head() {
  return text_of("\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\2\0\0\0\1\x08\2\0\0\0\x7b\x40\xe8\xdd");
}

void test_png(Checker& check) {
  if (!has_png()) {
    return;
  }
  for (const char* kind : {"tEXt", "zTXt", "iTXt", "sPLT", "iCCP", "eXIf", "tRNS", "hIST", "acTL", "prVt", "PLTE"}) {
    const std::string file = png_head() + text_of("\x7f\xff\xff\xff") + kind + "abc";
    check.fails(decode_image(reinterpret_cast<const std::uint8_t*>(file.data()), file.size()), ErrorCode::bad_file,
        "truncated PNG", std::string("2 GB of ") + kind + " in 44 bytes");
  }
}

// The head of a JPEG with one component and Huffman codes for nothing but zeros.
std::string jpeg_head(int width, int height, bool progressive) {
  std::string file = text_of("\xff\xd8\xff\xdb\0\x43\0") + std::string(64, '\1');
  file += text_of("\xff") + (progressive ? "\xc2" : "\xc0") + text_of("\0\x0b\x08");
  for (const int side : {height, width}) {
    file += static_cast<char>(side >> 8);
    file += static_cast<char>(side & 255);
  }
  file += text_of("\1\1\x11\0");
  for (const char* table :
      {"\0\0", "\x10\xe0"}) {  // its kind, and its only symbol: 0, or zeros to the end of many blocks
    file += text_of("\xff\xc4\0\x14") + table[0] + '\1' + std::string(15, '\0') + table[1];
  }
  return file;
}

// With `scans` of them, whose first has the bits that its blocks need.
std::string jpeg_of_scans(int side, int scans) {
  std::string file = jpeg_head(side, side, true) + text_of("\xff\xda\0\x08\1\1\0\0\0\0") +
      std::string(static_cast<std::size_t>(side * side / 64 / 8 + 8), '\0');
  for (int i = 1; i < scans; ++i) {
    file += text_of("\xff\xda\0\x08\1\1\0") + std::string(2, static_cast<char>(1 + i % 63)) + text_of("\0\0\0\0");
  }
  return file + text_of("\xff\xd9");
}

void test_jpeg(Checker& check) {
  if (!has_jpeg()) {
    return;
  }
  const auto decoded = [](const std::string& file, const DecodeOptions& options = {}) {
    return decode_image(reinterpret_cast<const std::uint8_t*>(file.data()), file.size(), options);
  };
  const std::string tiny = jpeg_head(13000, 13000, false) + text_of("\xff\xda\0\x08\1\1\0\0\x3f\0\0\0\xff\xd9");
  check.fails(
      decoded(tiny), ErrorCode::bad_file, "cannot hold 13000x13000", "a tiny JPEG that claims 169 million pixels");

  const int most = DecodeOptions().max_scans;
  check.that(decoded(jpeg_of_scans(64, most)).ok(), "as many scans as are allowed");
  check.fails(decoded(jpeg_of_scans(64, most + 1)), ErrorCode::unsupported, "max_scans", "one scan too many");
  check.fails(decoded(jpeg_of_scans(4000, 1000)), ErrorCode::unsupported, "max_scans", "a thousand scans");
  DecodeOptions more;
  more.max_scans = 1000;
  check.that(decoded(jpeg_of_scans(64, 1000), more).ok(), "a thousand scans where the caller wants them");
  more.max_scans = 2;
  check.fails(
      decoded(jpeg_of_scans(64, 3), more), ErrorCode::unsupported, "more than 2 scans", "the caller's own limit");
}

void test_others(const fs::path& folder, Checker& check) {
  check.fails(read_image(write_bytes(folder / "large.ppm", "P6\n13000 13000\n255\nabc")), ErrorCode::bad_file,
      "truncated", "a PPM that claims 507 MB");
  check.fails(read_image(write_bytes(folder / "plain.ppm", "P3\n13000 13000\n255\n1 2 3")), ErrorCode::bad_file,
      "truncated", "a plain PPM that claims 507 MB");
  check.fails(read_image(write_bytes(folder / "comment.ppm", "P6\n#" + std::string(100000, 'x'))),
      ErrorCode::bad_file, "no size", "a comment without an end");
  check.fails(read_image(write_bytes(folder / "huge.ppm", "P6\n9999999999 9999999999\n255\n")),
      ErrorCode::unsupported, "--max-pixels", "a PPM of 10^20 pixels");
  const std::string shape = "{'descr': '|u1', 'fortran_order': False, 'shape': (13000, 13000, 3), }";
  const std::string npy = text_of("\x93NUMPY\1\0") + static_cast<char>(shape.size()) + '\0' + shape + "abc";
  check.fails(read_image(write_bytes(folder / "large.npy", npy)), ErrorCode::bad_file, "truncated",
      "a .npy picture that claims 507 MB");
  check.fails(read_npy(folder / "large.npy"), ErrorCode::bad_file, "truncated", "a .npy that claims 507 MB");
  check.fails(read_npy(write_bytes(folder / "head.npy", text_of("\x93NUMPY\2\0\xff\xff\x0f\0"))),
      ErrorCode::bad_file, "truncated", "a .npy whose header claims a megabyte");
  check.fails(read_npy(write_bytes(folder / "head4.npy", text_of("\x93NUMPY\2\0\xff\xff\xff\xff"))),
      ErrorCode::bad_file, "claims", "a .npy whose header claims 4 GB");
}

void test_limits(const fs::path& folder, Checker& check) {
  // 6 GB, of which the first bytes say enough.
  if (const fs::path file = write_sparse(folder / "no_picture.jpg", "no picture", 6 * kGigabyte); !file.empty()) {
    check.fails(read_image(file), ErrorCode::bad_file, "not a JPEG", "6 GB that are no picture");
    fs::remove(file);
  }
  if (const fs::path file = write_sparse(folder / "large.jpg", "\xff\xd8\xff", 6 * kGigabyte); !file.empty()) {
    check.fails(read_image(file), ErrorCode::unsupported, "DecodeOptions::max_bytes", "6 GB that begin as a JPEG");
    check.fails(load_labels(file), ErrorCode::bad_file, "no file of labels", "6 GB of labels");
    fs::remove(file);
  }
  const std::string ppm = "P6\n3 2\n255\n" + std::string(18, 'x');
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(ppm.data());
  DecodeOptions options;
  options.max_pixels = 6;
  options.max_bytes = ppm.size();
  check.that(
      decode_image(bytes, ppm.size(), options).ok() && read_image(write_bytes(folder / "a.ppm", ppm), options).ok(),
      "a picture at its limits");
  options.max_pixels = 5;
  check.fails(decode_image(bytes, ppm.size(), options), ErrorCode::unsupported, "3x2", "a pixel too many");
  check.fails(read_image(folder / "a.ppm", options), ErrorCode::unsupported, "3x2", "a pixel too many in a file");
  options.max_pixels = 6;
  options.max_bytes = ppm.size() - 1;
  check.fails(decode_image(bytes, ppm.size(), options), ErrorCode::unsupported, "max_bytes", "a byte too many");
  check.fails(read_image(folder / "a.ppm", options), ErrorCode::unsupported, "max_bytes", "a byte too many in a file");
}

// Values that Pillow's round(value / maxval * 255) decides by a half or nearly so: what -ffast-math would change.
void test_levels(Checker& check) {
  struct Level {
    int maxval;
    int value;
    int level;
  };
  for (const Level& one :
      {Level{1, 1, 255}, Level{2, 1, 128}, Level{14, 7, 128}, Level{28, 14, 128}, Level{50, 15, 76},
          Level{50, 35, 178}, Level{100, 30, 76}, Level{100, 50, 128}, Level{200, 60, 76}, Level{254, 127, 128},
          Level{300, 90, 76}, Level{1000, 300, 76}, Level{30000, 9000, 76}, Level{65534, 32767, 128}}) {
    std::string file = "P6\n1 1\n" + std::to_string(one.maxval) + "\n";
    for (int i = 0; i < 3; ++i) {
      file += one.maxval > 255 ? std::string(1, static_cast<char>(one.value >> 8)) : std::string();
      file += static_cast<char>(one.value & 255);
    }
    const Result<Image> image = decode_image(reinterpret_cast<const std::uint8_t*>(file.data()), file.size());
    check.that(image.ok() && image->pixels[0] == one.level,
        "value " + std::to_string(one.value) + " of " + std::to_string(one.maxval) + " is not " +
            std::to_string(one.level));
  }
}

void test_stream(const fs::path& folder, Checker& check) {
  std::string bytes;
  std::uint32_t seed = 1;
  for (int i = 0; i < 300000; ++i) {
    seed = seed * 1664525U + 1013904223U;
    bytes += static_cast<char>(seed >> 24U);
  }
  const fs::path file = write_bytes(folder / "stream.bin", bytes);
  InputFile in;
  const Result<std::uint64_t> size = in.open(file);
  check.that(size.ok() && *size == bytes.size(), "the size of a stream");
  std::vector<char> part(bytes.size());
  for (const std::size_t start : {std::size_t{0}, std::size_t{65535}, std::size_t{65536}, std::size_t{10},
           std::size_t{200000}, bytes.size() - 1, bytes.size()}) {
    for (const std::size_t count : {std::size_t{1}, std::size_t{7}, std::size_t{65536}, std::size_t{150000}}) {
      in.clear();
      in.seekg(static_cast<std::streamoff>(start));
      in.read(part.data(), static_cast<std::streamsize>(count));
      const auto got = static_cast<std::size_t>(in.gcount());
      in.clear();
      check.that(got == std::min(count, bytes.size() - start) && bytes.compare(start, got, part.data(), got) == 0,
          "reading " + std::to_string(count) + " bytes from " + std::to_string(start));
      check.that(static_cast<std::size_t>(in.tellg()) == start + got, "where a stream is after reading");
      if (start + got < bytes.size()) {
        check.that(in.get() == std::char_traits<char>::to_int_type(bytes[start + got]), "the byte behind");
      }
    }
  }
  // A read that begins in a block and goes far beyond it, and then a little back.
  for (const std::size_t back : {std::size_t{1}, std::size_t{100}, std::size_t{60000}}) {
    in.clear();
    in.seekg(0);
    in.read(part.data(), 10);
    in.read(part.data(), 200000);
    const std::size_t at = 200010 - back;
    in.seekg(static_cast<std::streamoff>(at));
    check.that(in.get() == std::char_traits<char>::to_int_type(bytes[at]),
        std::to_string(back) + " bytes back from where a long read ended");
  }
  // A file that grows has the end that it had; one that shrinks ends sooner.
  std::ofstream(file, std::ios::binary | std::ios::app) << std::string(100000, 'x');
  in.clear();
  in.seekg(0);
  part.resize(2 * bytes.size());
  in.read(part.data(), static_cast<std::streamsize>(part.size()));
  check.that(static_cast<std::size_t>(in.gcount()) == bytes.size(), "a file that grew");
  fs::resize_file(file, 1000);
  in.clear();
  in.seekg(0);
  in.read(part.data(), static_cast<std::streamsize>(part.size()));
  check.that(static_cast<std::size_t>(in.gcount()) <= bytes.size() && !in.good(), "a file that became shorter");
}

}  // namespace
}  // namespace {= name =}::test

int main() {
  {= name =}::test::Checker check;
  const {= name =}::test::Scratch scratch("files");
  const std::filesystem::path& folder = scratch.folder();
  const long before = {= name =}::test::peak_megabytes();
  {= name =}::test::test_kinds(folder, check);
  {= name =}::test::test_png(check);
  {= name =}::test::test_others(folder, check);
  {= name =}::test::test_limits(folder, check);
  {= name =}::test::test_levels(check);
  {= name =}::test::test_stream(folder, check);
  {= name =}::test::test_jpeg(check);
  // The largest honest picture here has 16 million pixels; each of the liars asks for more than 500 MB.
  const long more = {= name =}::test::peak_megabytes() - before;
  check.that(more < 300, "files that lie took " + std::to_string(more) + " MB");
  return check.exit_code();
}
