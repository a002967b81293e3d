#include "sample/processors.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif

#include "exact_math.hpp"

namespace sample {
namespace {

namespace fs = std::filesystem;

// A hierarchy of cgroups that the CPU's quota is in.
struct Hierarchy {
  bool unified;        // version 2
  std::string top;     // the group that is mounted, as /proc/self/cgroup names groups
  std::string folder;  // where
};

bool has_word(const std::string& list, std::string_view word) {
  std::istringstream in(list);
  for (std::string found; std::getline(in, found, ',');) {
    if (found == word) {
      return true;
    }
  }
  return false;
}

// /proc/self/mountinfo writes a space as \040, and so on.
std::string unescaped(const std::string& text) {
  constexpr std::size_t kDigits = 3;
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string digits = text[i] == '\\' ? text.substr(i + 1, kDigits) : "";
    if (digits.size() == kDigits && digits.find_first_not_of("01234567") == std::string::npos) {
      plain += static_cast<char>(std::stoi(digits, nullptr, 8));
      i += kDigits;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::vector<Hierarchy> hierarchies(const fs::path& root) {
  std::vector<Hierarchy> found;
  std::ifstream mounts(root / "proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    // id, parent, device, root, mount point, options, any number of tags, "-", type, source, the type's options
    std::istringstream in(line);
    std::string ignored;
    std::string top;
    std::string folder;
    std::string type;
    std::string options;
    in >> ignored >> ignored >> ignored >> top >> folder;
    while (in >> ignored && ignored != "-") {
    }
    if (in >> type >> ignored >> options && (type == "cgroup2" || (type == "cgroup" && has_word(options, "cpu")))) {
      found.push_back({type == "cgroup2", unescaped(top), unescaped(folder)});
    }
  }
  return found;
}

// The group that this process is in; empty where there is none in that hierarchy.
std::string own_group(const fs::path& root, bool unified) {
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    // number:controllers:group, and in version 2 there is "0::group"
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) {
      continue;
    }
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (unified ? line.substr(0, first) == "0" && controllers.empty() : has_word(controllers, "cpu")) {
      return line.substr(second + 1);
    }
  }
  return "";
}

// Processors that a group may keep busy, 1.5 for 150 ms of every 100; empty: there is no quota.
std::optional<double> quota_of(const fs::path& group, bool unified) {
  long long quota = 0;
  long long period = 0;
  if (unified) {
    std::ifstream in(group / "cpu.max");  // "max 100000" without a quota
    in >> quota >> period;
  } else {
    std::ifstream(group / "cpu.cfs_quota_us") >> quota;  // -1 without a quota
    std::ifstream(group / "cpu.cfs_period_us") >> period;
  }
  if (quota <= 0 || period <= 0) {
    return std::nullopt;
  }
  return static_cast<double>(quota) / static_cast<double>(period);
}

// The least quota of the process's group and of those above it, as far as they are mounted.
std::optional<double> least_quota(const fs::path& root) {
  std::optional<double> least;
  for (const Hierarchy& hierarchy : hierarchies(root)) {
    const std::string top = hierarchy.top == "/" ? "" : hierarchy.top;
    const std::string group = own_group(root, hierarchy.unified);
    // Of a group that lies elsewhere (a container's own view) only what is mounted can be seen.
    const bool below = group.size() > top.size() && group.compare(0, top.size(), top) == 0 &&
        group[top.size()] == '/' && group.find("..") == std::string::npos;
    const fs::path mounted = root / fs::path(hierarchy.folder).relative_path();
    fs::path own = below ? fs::path(group.substr(top.size())).relative_path() : fs::path();
    for (;; own = own.parent_path()) {
      if (const std::optional<double> quota = quota_of(mounted / own, hierarchy.unified)) {
        least = std::min(least.value_or(*quota), *quota);
      }
      if (own.empty()) {
        break;
      }
    }
  }
  return least;
}

}  // namespace

int processors_in_affinity() {
#if defined(__linux__)
  // Fails with EINVAL until there is room for every processor that the kernel knows.
  constexpr std::size_t kMostSets = 64;
  for (std::vector<cpu_set_t> sets(1); sets.size() <= kMostSets; sets.resize(2 * sets.size())) {
    if (sched_getaffinity(0, sets.size() * sizeof(cpu_set_t), sets.data()) == 0) {
      int count = 0;
      for (const cpu_set_t& set : sets) {
        count += CPU_COUNT(&set);
      }
      return std::max(1, count);
    }
    if (errno != EINVAL) {
      break;
    }
  }
#endif
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

int available_processors(const fs::path& root) {
  const int most = processors_in_affinity();
  const std::optional<double> quota = least_quota(root);
  return quota ? std::max(1, static_cast<int>(std::min(std::ceil(*quota), static_cast<double>(most)))) : most;
}

int online_processors(const fs::path& root) {
  // "0-3,8-11"
  std::ifstream in(root / "sys/devices/system/cpu/online");
  int count = 0;
  for (std::string range; std::getline(in, range, ',');) {
    std::istringstream ends(range);
    int first = 0;
    int last = 0;
    char dash = 0;
    if (ends >> first) {
      last = ends >> dash >> last ? last : first;
      count += std::max(0, last - first + 1);
    }
  }
  return count > 0 ? count : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

}  // namespace sample
