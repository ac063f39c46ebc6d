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

// As execve(2) takes them: with a null pointer at the end.
std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Result<void> run_extension_program(const std::string& verb,
                                   const std::vector<std::string>& arguments,
                                   const CallersEnvironment& environment) {
  if (!is_plain(verb)) return {};
  std::istringstream directories(environment.path);
  for (std::string directory; std::getline(directories, directory, ':');) {
    std::string path = fmt::format("{}/ploopu-{}", directory, verb);
    if (!directory.starts_with('/') || !is_program(path)) continue;
    std::vector<std::string> words = {path};
    append(words, arguments);
    auto variables = environment.variables;
    ::execve(path.c_str(), pointers_to(words).data(), pointers_to(variables).data());
    return fail_errno(errno, path);
  }
  return {};
}

}  // namespace ploopu
