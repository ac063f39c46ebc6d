// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/disk.hpp"
#include <gtest/gtest.h>
TEST(Disk, Compiles) {}
