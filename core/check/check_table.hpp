// SPDX-License-Identifier: GPL-2.0-or-later
// One ploop file by itself: its header's fields and its table. Not for raw files.
#pragma once

#include "core/check/check.hpp"
#include "core/format/delta.hpp"

namespace ploopu {

// Entries that lead nowhere, into the table or to a place that another entry has; short clusters;
// leaks; what stands in the table behind its last entry. A file whose table can't be read is an
// error in the report. `extension_clusters`, which a backup has put into the file, are no leaks.
// Memory: 8 bytes for each entry.
void check_table(const Delta& delta, uint64_t extension_clusters, CheckReport& report);

// Fields of the header that have no legal value although nothing is read by them, and a file size
// that no writer leaves (docs/FORMAT.md#disk-in-use, docs/FORMAT.md#entry-count and
// docs/FORMAT.md#the-end-of-the-file). All of these are warnings.
void check_header_fields(const Delta& delta, CheckReport& report);

}  // namespace ploopu
