// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/mount_options.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/little_endian.hpp"

namespace ploopu {
namespace {

constexpr uint64_t kExtSuperblock = 1024;  // bytes from the start of the file system
constexpr uint32_t kExtIncompatRecover = 4;

bool is_ext(std::string_view fstype) {
  return fstype == "ext2" || fstype == "ext3" || fstype == "ext4";
}

struct Opposite {
  std::string_view option;
  std::string_view consequence;
};
constexpr std::array<Opposite, 4> kDangerous = {{
    {"suid", "setuid programs of the image will run with their rights"},
    {"dev", "device nodes of the image will reach this host's devices"},
    {"errors=panic", "a damaged file system will stop this host"},
    {"errors=continue", "a damaged file system will be read on as if it were sound"},
}};

}  // namespace

bool is_mountable(const std::string& fstype) { return is_ext(fstype) || fstype == "xfs"; }

Result<bool> ext_needs_recovery(const Disk& disk, uint64_t start) {
  std::array<std::byte, 1024> superblock{};
  if (int error = disk.read(start + kExtSuperblock, superblock); error != 0) {
    return fail_errno(
        error, fmt::format("reading the superblock at disk byte {}", start + kExtSuperblock));
  }
  return (load_le32(superblock, 0x60) & kExtIncompatRecover) != 0;
}

Result<MountOptions> mount_options(const std::string& fstype, bool skip_journal,
                                   const std::string& extra) {
  MountOptions options{"ro,nosuid,nodev", {}};
  if (is_ext(fstype)) options.text += ",errors=remount-ro";
  if (fstype == "xfs") options.text += ",nouuid";
  if (skip_journal && fstype == "xfs") options.text += ",norecovery";
  if (skip_journal && (fstype == "ext3" || fstype == "ext4")) options.text += ",noload";
  std::string_view rest = extra;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(','), rest.size());
    const std::string_view option = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (option.empty()) continue;
    if (option == "rw") {
      return fail(ErrorKind::usage, "-o rw: the image is never written: mount it read-only");
    }
    for (const auto& [dangerous, consequence] : kDangerous) {
      if (option == dangerous) {
        options.warnings.push_back(fmt::format("-o {}: {}", option, consequence));
      }
    }
    options.text += ',';
    options.text += option;
  }
  return options;
}

}  // namespace ploopu
