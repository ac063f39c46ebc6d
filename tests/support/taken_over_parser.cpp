// SPDX-License-Identifier: GPL-2.0-or-later
// This program is cmd/parser_main.cpp with a parser that can be taken over.
#include <cstdlib>

#include "core/find/ploop_figures.hpp"
#include "platform/confine/confined_series.hpp"
#include "tests/support/taken_over.hpp"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  ploopu::serve_series(std::atoi(argv[1]), std::atoi(argv[2]),
                       ploopu::testing::taken_over(ploopu::figure_series()));
}
