// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/app/mount_helper.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>

#include "cmd/app/dispatch.hpp"
#include "core/base/exit_code.hpp"
#include "core/base/list.hpp"
#include "core/base/path.hpp"
#include "core/base/text.hpp"

namespace ploopu::cmd {
namespace {

constexpr std::string_view kPrefix = "ploopu.";

// Mount options "ploopu.NAME=VALUE" that become --NAME=VALUE: all that decide which files are
// mounted.
constexpr std::array<std::string_view, 14> kOurs = {
    "allow-any-owner", "allow-outside", "backend",   "disk", "journal",  "live",   "overlay-dir",
    "overlay-file",    "overlay-size",  "partition", "root", "snapshot", "strict", "writable"};

// Options for the readers of fstab, which are dropped. "rw" is among them: mount(8) passes it to
// every helper unless "ro" was given.
constexpr std::array<std::string_view, 17> kOfOthers = {
    "_netdev", "auto",   "comment", "defaults", "group", "helper",  "noauto", "nofail", "nogroup",
    "noowner", "nouser", "owner",   "ro",       "rw",    "uhelper", "user",   "users"};

// The arguments that mount(8) and umount(8) pass to their helpers, in any order.
struct HelperCall {
  std::vector<std::string> paths;
  std::string options;  // the values of all -o, joined by commas
  std::string fstype;   // "ext4" for the type "ploopu.ext4", otherwise empty
  std::string flags;    // the letters of all other options
};

Result<HelperCall> parse_call(const std::vector<std::string>& arguments) {
  HelperCall call;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    const bool takes_value = word == "-o" || word == "-t" || word == "-N";
    if (takes_value && i + 1 == arguments.size()) {
      return fail(ErrorKind::usage, "{}: needs an argument", word);
    }
    if (word == "-N") {
      return fail(ErrorKind::usage, "-N {}: run mount inside that namespace (nsenter -m)",
                  arguments[i + 1]);
    }
    if (word == "-o") {
      call.options += "," + arguments[++i];
    } else if (word == "-t") {
      // mount(8) passes the whole type, such as "ploopu.ext4".
      const std::string& type = arguments[++i];
      call.fstype =
          type == "ploopu" ? "" : type.substr(type.starts_with(kPrefix) ? kPrefix.size() : 0);
    } else if (word.size() > 1 && word.front() == '-') {
      call.flags += word.substr(1);
    } else {
      call.paths.push_back(word);
    }
  }
  return call;
}

Result<void> check_flags(const HelperCall& call, std::string_view known) {
  const size_t unknown = call.flags.find_first_not_of(known);
  if (unknown == std::string::npos) return {};
  return fail(ErrorKind::usage,
              "unknown option '-{}'; usage: mount.ploopu IMAGE DIR [-fnsv] [-t TYPE] [-o OPTIONS], "
              "or umount.ploopu DIR [-fnrv]",
              call.flags[unknown]);
}

bool has_flag(const HelperCall& call, char flag) {
  return call.flags.find(flag) != std::string::npos;
}

// Appends ploopu's own options of -o to `ours` as arguments, and the kernel's to `kernels`, joined
// by commas.
Result<void> sort_options(std::string_view options, std::vector<std::string>& ours,
                          std::string& kernels) {
  bool is_read_only = false;
  for (const std::string_view option : split(options, ',')) {
    const std::string_view name = option.substr(0, option.find('='));
    is_read_only |= name == "ro";
    if (option.starts_with(kPrefix)) {
      if (!contains(kOurs, name.substr(kPrefix.size()))) {
        return fail(ErrorKind::usage, "-o {}: unknown option of ploopu", option);
      }
      ours.push_back(fmt::format("--{}", option.substr(kPrefix.size())));
    } else if (!option.empty() && !contains(kOfOthers, name) && !name.starts_with("x-") &&
               !name.starts_with("X-")) {
      kernels += kernels.empty() ? "" : ",";
      kernels += option;
    }
  }
  if (is_read_only && contains(ours, "--writable")) {
    return fail(ErrorKind::usage, "-o ro,ploopu.writable: give only one of them");
  }
  return {};
}

Result<std::vector<std::string>> mount_arguments(const HelperCall& call) {
  PLOOPU_CHECK(check_flags(call, "sfnv"));
  if (call.paths.size() != 2) {
    return fail(ErrorKind::usage,
                "give an image and a directory: mount -t ploopu IMAGE DIR [-o OPTIONS]");
  }
  std::vector<std::string> arguments = {"mount", call.paths[0], call.paths[1], "--unless-mounted"};
  std::string kernels;
  PLOOPU_CHECK(sort_options(call.options, arguments, kernels));
  if (!call.fstype.empty()) arguments.insert(arguments.end(), {"-t", call.fstype});
  if (!kernels.empty()) arguments.insert(arguments.end(), {"-o", kernels});
  return arguments;
}

Result<std::vector<std::string>> umount_arguments(const HelperCall& call) {
  PLOOPU_CHECK(check_flags(call, "flnrv"));
  if (has_flag(call, 'l')) {
    return fail(ErrorKind::usage,
                "-l: a lazy unmount can't free the device; use 'umount -i -l', and later 'ploopu "
                "detach'");
  }
  if (call.paths.size() != 1) return fail(ErrorKind::usage, "give one directory: umount DIR");
  return std::vector<std::string>{"umount", call.paths[0]};
}

}  // namespace

bool is_mount_helper(const std::string& program) {
  const std::string name = base_name(program);
  return name == "mount.ploopu" || name == "umount.ploopu";
}

int run_mount_helper(const std::string& program, const std::vector<std::string>& arguments,
                     Context& context) {
  const bool mounts = base_name(program) == "mount.ploopu";
  bool is_fake = false;
  bool is_verbose = false;
  const auto translated = [&]() -> Result<std::vector<std::string>> {
    PLOOPU_TRY(const auto call, parse_call(arguments));
    is_fake = mounts && has_flag(call, 'f');
    is_verbose = has_flag(call, 'v');
    return mounts ? mount_arguments(call) : umount_arguments(call);
  }();
  if (!translated) {
    context.err << base_name(program) << ": " << escape_bytes(translated.error().message) << '\n';
    return mount_exit_code(exit_code(translated.error().kind));
  }
  if (is_fake) return 0;
  if (is_verbose) return mount_exit_code(run(*translated, context));
  std::ostringstream unread;
  Context silent{unread,
                 context.err,
                 context.files,
                 context.prober,
                 context.attachments,
                 context.file_finder,
                 context.image_uses};
  return mount_exit_code(run(*translated, silent));
}

}  // namespace ploopu::cmd
