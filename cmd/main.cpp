// SPDX-License-Identifier: GPL-2.0-or-later
// The only place that knows the real platform.
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "cmd/dispatch.hpp"
#include "platform/blkid_prober.hpp"
#include "platform/host_attachments.hpp"
#include "platform/posix_file_system.hpp"

int main(int argc, char** argv) {
  try {
    const ploopu::PosixFileSystem files;
    const ploopu::BlkidProber prober;
    ploopu::HostAttachments attachments;
    ploopu::cmd::Context context{std::cout, std::cerr, files, prober, attachments};
    return ploopu::cmd::run(std::vector<std::string>(argv + 1, argv + argc), context);
  } catch (const std::exception& error) {
    std::cerr << "ploopu: " << error.what() << '\n';
    return 1;
  }
}
