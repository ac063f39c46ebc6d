// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/os/extension_program.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <sstream>

#include <sys/stat.h>
#include <unistd.h>

#include "core/base/list.hpp"

namespace ploopu {
namespace {

bool is_program(const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

// True if the verb cannot lead out of the directory: it has no '/' and no dot.
bool is_plain(const std::string& verb) {
  return std::all_of(verb.begin(), verb.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

}  // namespace

Result<void> run_extension_program(const std::string& verb,
                                   const std::vector<std::string>& arguments,
                                   const std::string& search_path) {
  if (!is_plain(verb)) return {};
  std::istringstream directories(search_path);
  for (std::string directory; std::getline(directories, directory, ':');) {
    std::string path = fmt::format("{}/ploopu-{}", directory, verb);
    if (!directory.starts_with('/') || !is_program(path)) continue;
    std::vector<std::string> words = {path};
    append(words, arguments);
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    ::setenv("PATH", search_path.c_str(), 1);
    ::execv(path.c_str(), argv.data());
    return fail_errno(errno, path);
  }
  return {};
}

}  // namespace ploopu
