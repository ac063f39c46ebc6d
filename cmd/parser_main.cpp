// SPDX-License-Identifier: GPL-2.0-or-later
// This program parses images in forks of itself (platform/confine/confined_series.hpp). The file of
// ploopu contains it (cmd/parser_program.hpp), and ploopu runs it with two numbers: the control
// socket and its own process.
#include <memory_resource>

#include <sys/prctl.h>

#include "core/base/text.hpp"
#include "core/find/ploop_figures.hpp"
#include "platform/confine/confined_series.hpp"
#include "platform/os/huge_pages.hpp"

int main(int argc, char** argv) {
  const auto control = ploopu::parse_number(argc == 3 ? argv[1] : "");
  const auto parent = ploopu::parse_number(argc == 3 ? argv[2] : "");
  if (!control || !parent) return 2;
  ::prctl(PR_SET_NAME, argv[0]);  // otherwise ps shows the number that fexecve ran
  std::pmr::set_default_resource(ploopu::huge_pages());
  ploopu::serve_series(static_cast<int>(*control), static_cast<pid_t>(*parent),
                       ploopu::figure_series());
}
