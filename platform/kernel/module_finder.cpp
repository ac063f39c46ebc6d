// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/kernel/module_finder.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string_view>

#include <fmt/format.h>
#include <zlib.h>

#include "platform/kernel/kmod_library.hpp"
#include "platform/os/sysfs.hpp"

namespace ploopu {
namespace {

bool exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// Module names and file names differ in the use of "-" and "_"; this returns the form with "_".
std::string normal(std::string_view name) {
  std::string text(name);
  std::replace(text.begin(), text.end(), '-', '_');
  return text;
}

// Returns the path in a line of modules.dep or modules.builtin, such as
// "kernel/drivers/block/nbd.ko.xz: ...", if the line is about module `name`; otherwise "".
std::string path_in_line(const std::string& line, const std::string& name) {
  const std::string file = line.substr(0, line.find(':'));
  const size_t slash = file.rfind('/');
  const size_t begin = slash == std::string::npos ? 0 : slash + 1;
  const size_t end = file.find(".ko", begin);
  return end != std::string::npos && normal(file.substr(begin, end - begin)) == name ? file : "";
}

// Returns the path that modules.dep or modules.builtin has for the module; empty if no line has it.
std::string find_in_index(const std::string& index, const std::string& name) {
  std::istringstream lines(read_attribute(index).value_or(""));
  for (std::string line; std::getline(lines, line);) {
    if (auto found = path_in_line(line, name); !found.empty()) return found;
  }
  return "";
}

// True if `word` ends a line, which is where /proc/misc and /proc/filesystems have their names.
bool has_last_word(const std::string& text, const std::string& word) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.substr(line.find_last_of(" \t") + 1) == word) return true;
  }
  return false;
}

// Returns the content of a file that may be compressed by gzip; empty if it can't be read.
std::string read_unpacked(const std::string& path) {
  const std::unique_ptr<gzFile_s, decltype(&gzclose)> file(gzopen(path.c_str(), "re"), gzclose);
  std::string text;
  std::array<char, 65536> buffer{};
  for (int got = 1; file && got > 0;) {
    got = gzread(file.get(), buffer.data(), buffer.size());
    if (got > 0) text.append(buffer.data(), static_cast<size_t>(got));
  }
  return text;
}

using ConfigList = decltype(KmodLibrary::config_get_blacklists);

bool is_in_list(const KmodLibrary& kmod, const kmod_ctx* context, ConfigList list,
                const std::string& name) {
  kmod_config_iter* entry = list(context);
  bool found = false;
  while (entry != nullptr && kmod.config_iter_next(entry)) {
    found = found || normal(kmod.config_iter_get_key(entry)) == name;
  }
  kmod.config_iter_free_iter(entry);
  return found;
}

}  // namespace

bool KernelParts::has_misc_device(const std::string& name) const {
  return has_last_word(read_attribute(path("/proc/misc")).value_or(""), name);
}

bool KernelParts::has_file_system(const std::string& name) const {
  return has_last_word(read_attribute(path("/proc/filesystems")).value_or(""), name);
}

// The file has all modes, with the current mode in brackets: "none [integrity] confidentiality".
std::string KernelParts::lockdown() const {
  const std::string text = read_attribute(path("/sys/kernel/security/lockdown")).value_or("");
  const size_t begin = text.find('[');
  const size_t end = text.find(']');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return "";
  return text.substr(begin + 1, end - begin - 1);
}

std::string KernelParts::modules_file(const std::string& name) const {
  return path("/lib/modules/") + release_ + "/" + name;
}

bool KernelParts::is_forbidden(const std::string& name) const {
  const std::string places[] = {path("/etc/modprobe.d"), path("/run/modprobe.d"),
                                path("/usr/local/lib/modprobe.d"), path("/usr/lib/modprobe.d"),
                                path("/lib/modprobe.d")};
  const char* paths[std::size(places) + 1] = {};
  std::transform(std::begin(places), std::end(places), std::begin(paths),
                 [](const std::string& place) { return place.c_str(); });
  const auto kmod = kmod_library();
  if (!kmod) return false;
  const std::unique_ptr<kmod_ctx, decltype(KmodLibrary::unref)> context(
      (*kmod)->create(nullptr, paths), (*kmod)->unref);
  return context && (is_in_list(**kmod, context.get(), (*kmod)->config_get_blacklists, name) ||
                     is_in_list(**kmod, context.get(), (*kmod)->config_get_install_commands, name));
}

std::string KernelParts::configured(const std::string& option) const {
  for (const auto& file :
       {path("/proc/config.gz"), path("/boot/config-") + release_, modules_file("config")}) {
    const std::string text = read_unpacked(file);
    if (text.empty()) continue;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(option + "=")) return line.substr(option.size() + 1);
    }
    return "n";
  }
  return "";
}

ModuleFinding KernelParts::find_module(const std::string& name, const std::string& option) const {
  if (exists(path("/sys/module/") + name) ||
      !find_in_index(modules_file("modules.builtin"), name).empty()) {
    return {ModuleState::present, ""};
  }
  const std::string file = find_in_index(modules_file("modules.dep"), name);
  if (!file.empty() && exists(file.starts_with('/') ? path(file) : modules_file(file))) {
    if (read_attribute(path("/proc/sys/kernel/modules_disabled")) == "1") {
      return {ModuleState::forbidden,
              fmt::format("module '{}' isn't loaded, and kernel.modules_disabled is set", name)};
    }
    if (is_forbidden(name)) {
      return {ModuleState::forbidden,
              fmt::format("module '{}' is forbidden by a line in modprobe.d", name)};
    }
    return {ModuleState::loadable, fmt::format("module '{}' will be loaded", name)};
  }
  const std::string value = configured(option);
  if (value == "y") return {ModuleState::present, ""};
  if (value == "n") {
    return {ModuleState::not_built,
            fmt::format("this kernel ({}) was built without it ({} is not set)", release_, option)};
  }
  if (const auto others = list_directory(path("/lib/modules"));
      !exists(modules_file("")) && !others.empty()) {
    return {ModuleState::other_kernel,
            fmt::format("the running kernel is {}, but /lib/modules has only modules of {}",
                        release_, others.back())};
  }
  if (value == "m") {
    return {
        ModuleState::not_installed,
        fmt::format("this kernel ({}) has module '{}', but it isn't installed", release_, name)};
  }
  return {ModuleState::unknown, fmt::format("this kernel ({}) has no module '{}'", release_, name)};
}

}  // namespace ploopu
