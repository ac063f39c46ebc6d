// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/parser_program.hpp"

#ifdef PLOOPU_PARSER_FILE

asm(".section .rodata\n"
    "kParserBegin: .incbin \"" PLOOPU_PARSER_FILE
    "\"\n"
    "kParserEnd:\n"
    ".previous\n");

extern "C" const std::byte kParserBegin[];
extern "C" const std::byte kParserEnd[];

std::span<const std::byte> parser_program() { return {kParserBegin, kParserEnd}; }

#else

std::span<const std::byte> parser_program() { return {}; }

#endif
