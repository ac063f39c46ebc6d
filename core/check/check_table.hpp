// SPDX-License-Identifier: GPL-2.0-or-later
// The check of a ploop file by itself: the fields of its header, and its table. Raw files have
// neither. check_image() calls these functions.
#pragma once

#include "core/check/check.hpp"
#include "core/format/delta.hpp"

namespace ploopu {

// Reports entries that lead past the end of the file, into the table or to the place of another
// entry; short clusters; leaks; and numbers in the table after its last entry. A file whose table
// can't be read is an error in the report. The number of `extension_clusters` is not counted as
// leaks. Memory: 8 bytes for each entry.
void check_table(const Delta& delta, uint64_t extension_clusters, CheckReport& report);

// Warns of illegal values in header fields that don't matter for reading, and of a file size that
// no writer leaves (docs/FORMAT.md#disk-in-use, docs/FORMAT.md#entry-count,
// docs/FORMAT.md#the-end-of-the-file).
void check_header_fields(const Delta& delta, CheckReport& report);

}  // namespace ploopu
