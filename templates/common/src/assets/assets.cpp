#include "{= name =}/assets.hpp"

#include <cstdlib>
#include <exception>
#include <system_error>
#include <vector>

#include "assets/path_text.hpp"
#include "assets/source_folder.hpp"

#if defined(_WIN32)
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#elif defined(__APPLE__)
#include <dlfcn.h>
#include <mach-o/dyld.h>
#else
#include <dlfcn.h>
#endif

// Of an installed tree, as install.cmake lays it out.
#if !defined({= NAME =}_BIN_TO_DATA)
#define {= NAME =}_BIN_TO_DATA "../share"
#endif
#if !defined({= NAME =}_LIB_TO_DATA)
#define {= NAME =}_LIB_TO_DATA "../share"
#endif

namespace {= name =} {
namespace {

namespace fs = std::filesystem;

// The folder of the running program, empty when the system does not tell.
fs::path program_folder() {
  std::error_code error;
#if defined(_WIN32)
  std::wstring name(32768, L'\0');
  const DWORD length = GetModuleFileNameW(nullptr, name.data(), static_cast<DWORD>(name.size()));
  name.resize(length);
  return fs::path(name).parent_path();
#elif defined(__APPLE__)
  std::uint32_t size = 0;
  _NSGetExecutablePath(nullptr, &size);
  std::string name(size, '\0');
  if (_NSGetExecutablePath(name.data(), &size) != 0) {
    return {};
  }
  return fs::canonical(fs::path(name.c_str()), error).parent_path();
#else
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path() : self.parent_path();
#endif
}

// The folder of the library that this code is in: the program's where it is linked statically.
fs::path library_folder() {
#if defined(_WIN32)
  return program_folder();
#else
  static const char here = 0;
  Dl_info info{};
  std::error_code error;
  if (dladdr(&here, &info) == 0 || info.dli_fname == nullptr) {
    return {};
  }
  return fs::canonical(info.dli_fname, error).parent_path();
#endif
}

Result<fs::path> find(const std::string& name) {
  std::vector<fs::path> folders;
  if (const char* chosen = std::getenv("{= NAME =}_ASSETS"); chosen != nullptr && *chosen != '\0') {
    folders.emplace_back(chosen);  // a folder that somebody chose is the only one that counts
  } else {
    if (const fs::path program = program_folder(); !program.empty()) {
      folders.push_back(program / "{= name =}_assets");
      folders.push_back(program / "share" / "{= name =}");
      folders.push_back(program / {= NAME =}_BIN_TO_DATA / "{= name =}");
    }
    if (const fs::path library = library_folder(); !library.empty()) {
      folders.push_back(library / {= NAME =}_LIB_TO_DATA / "{= name =}");
    }
    if (const char* source = source_assets(); source != nullptr) {
      folders.emplace_back(source);
    }
  }

  std::string looked;
  for (const fs::path& folder : folders) {
    std::error_code error;
    fs::path file = (folder / name).lexically_normal();
    if (fs::is_regular_file(file, error)) {
      return file;
    }
    looked += "\n  " + path_text(file);
  }
  return Error{ErrorCode::not_found,
      "cannot find " + name + "; set {= NAME =}_ASSETS to the folder that holds it. Looked for:" + looked};
}

}  // namespace

Result<fs::path> find_asset(const std::string& name) {
  try {
    return find(name);
  } catch (const std::exception& e) {
    return Error{ErrorCode::io, "cannot look for an asset: " + std::string(e.what())};
  }
}

}  // namespace {= name =}
