// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/volume/mount_options.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/base/text.hpp"

namespace ploopu {
namespace {

struct Opposite {
  std::string_view option;
  std::string_view consequence;
};
constexpr std::array<Opposite, 4> kDangerous = {{
    {"suid", "setuid programs of the image will run with their rights"},
    {"dev", "device nodes of the image will reach this host's devices"},
    {"errors=panic", "a damaged file system will stop this host"},
    {"errors=continue", "errors of a damaged file system will be ignored"},
}};

// With these, libmount would do something else than mount the device that ploopu knows of.
constexpr std::array<std::string_view, 8> kOtherOperations = {
    "loop", "offset", "sizelimit", "encryption", "bind", "rbind", "move", "remount"};

// Refuses an option that mounts something else or makes the image writable, and warns of an option
// that undoes one of ploopu's.
Result<void> check_option(std::string_view option, std::vector<std::string>& warnings) {
  const std::string_view name = option.substr(0, option.find('='));
  if (name == "rw") {
    return fail(ErrorKind::usage,
                "-o rw: an image is read-only; use --writable, which writes to an overlay");
  }
  if (std::find(kOtherOperations.begin(), kOtherOperations.end(), name) != kOtherOperations.end()) {
    return fail(ErrorKind::usage, "-o {}: can't be combined with mounting an image", option);
  }
  for (const auto& [dangerous, consequence] : kDangerous) {
    // Flags take no value, but libmount reads "suid=x" as "suid"; "errors" is known by its value.
    if (option == dangerous || name == dangerous) {
      warnings.push_back(fmt::format("-o {}: {}", option, consequence));
    }
  }
  return {};
}

}  // namespace

bool is_ext(std::string_view fstype) {
  return fstype == "ext2" || fstype == "ext3" || fstype == "ext4";
}

Result<void> check_fstype(const std::string& fstype) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789_-";
  if (fstype == "auto" || fstype.find_first_not_of(kLetters) != std::string::npos) {
    return fail(ErrorKind::usage,
                "-t {}: give one type: the kernel must not guess at the type of an image", fstype);
  }
  if (fstype == "btrfs") {
    return fail(ErrorKind::usage, "-t btrfs: {}", kWhyNoBtrfs);
  }
  return {};
}

bool is_mountable(const std::string& fstype) { return is_ext(fstype) || fstype == "xfs"; }

Result<MountOptions> mount_options(const std::string& fstype, MountMode mode,
                                   const std::string& extra) {
  const bool skip_journal = mode == MountMode::skip_journal;
  MountOptions options{mode == MountMode::writable ? "rw,nosuid,nodev" : "ro,nosuid,nodev", {}};
  if (is_ext(fstype)) options.text += ",errors=remount-ro";
  if (fstype == "xfs") options.text += ",nouuid";
  if (skip_journal && fstype == "xfs") options.text += ",norecovery";
  if (skip_journal && (fstype == "ext3" || fstype == "ext4")) options.text += ",noload";
  for (const std::string_view option : split(extra, ',')) {
    if (option.empty()) continue;
    PLOOPU_CHECK(check_option(option, options.warnings));
    options.text += ',';
    options.text += option;
  }
  return options;
}

}  // namespace ploopu
