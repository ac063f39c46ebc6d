// SPDX-License-Identifier: GPL-2.0-or-later
// Joins the commands with the real platform: creates every port of core for this host, and runs
// the command line, or mount(8)'s helper if the program was called by its name. Of the
// files of cmd, only this one and parser_main.cpp include headers of platform.
#include <clocale>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory_resource>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "cmd/app/dispatch.hpp"
#include "cmd/app/mount_helper.hpp"
#include "cmd/parser_program.hpp"
#include "core/find/ploop_figures.hpp"
#include "platform/attach/host_attachments.hpp"
#include "platform/attach/host_survey.hpp"
#include "platform/block/host_image_use.hpp"
#include "platform/confine/confined_process.hpp"
#include "platform/files/posix_file_system.hpp"
#include "platform/os/environment.hpp"
#include "platform/os/extension_program.hpp"
#include "platform/os/huge_pages.hpp"
#include "platform/os/interruption.hpp"
#include "platform/os/manual_page.hpp"
#include "platform/os/service_manager.hpp"
#include "platform/probe/blkid_prober.hpp"
#include "platform/probe/ext_files.hpp"

namespace {

// Opens /dev/null for each standard stream that is closed. Otherwise the first file that is opened,
// perhaps an image, takes that place, and messages go to it.
void fill_standard_streams() {
  for (;;) {
    const int fd = ::open("/dev/null", O_RDWR);
    if (fd > 2) ::close(fd);
    if (fd < 0 || fd > 2) return;
  }
}

// Also obeys NO_COLOR (https://no-color.org).
bool wants_colours() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0') &&
         terminal != nullptr && std::string(terminal) != "dumb";
}

}  // namespace

int main(int argc, char** argv) {
  fill_standard_streams();
  const ploopu::CallersEnvironment before = ploopu::clear_environment();
  std::pmr::set_default_resource(ploopu::huge_pages());
  const ploopu::ConfinedProcess confinement({ploopu::kFigureSeries, parser_program()});
  // Parsers are confined for root only: another user's rights are those of the image's owner.
  if (::geteuid() == 0) ploopu::set_confinement(&confinement);
  static_cast<void>(std::setlocale(LC_CTYPE, ""));  // libsmartcols prints what the locale knows
  try {
    const ploopu::PosixFileSystem files;
    const ploopu::BlkidProber prober;
    ploopu::HostAttachments attachments;
    const ploopu::ExtFileFinder file_finder;
    const ploopu::HostImageUses image_uses;
    ploopu::cmd::Context context{std::cout,   std::cerr,   files,     prober,
                                 attachments, file_finder, image_uses};
    context.show_page = ploopu::show_manual_page;
    context.run_extension = [&](const std::string& verb, const std::vector<std::string>& rest) {
      return ploopu::run_extension_program(verb, rest, before);
    };
    context.has_colours = wants_colours();
    context.survey_host = [] { return ploopu::survey(ploopu::this_host()); };
    context.tell_service_manager = ploopu::tell_service_manager;
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    const int code = ploopu::cmd::is_mount_helper(argv[0])
                         ? ploopu::cmd::run_mount_helper(argv[0], arguments, context)
                         : ploopu::cmd::run(arguments, context);
    // A command that succeeded has reported its work, so a late Ctrl-C does not turn it into a
    // failure.
    if (code != 0) ploopu::obey_interruption();
    return code;
  } catch (const std::exception& error) {
    std::cerr << "ploopu: " << error.what() << '\n';
    return 1;
  }
}
