// SPDX-License-Identifier: GPL-2.0-or-later
// The format extension of a ploop file: a cluster with features, of which only dirty bitmaps are
// known. ploopu only reports it: no byte of the disk depends on it
// (docs/FORMAT.md#format-extension, from QEMU's docs/interop/parallels.txt and libploop's cbt.c).
//
//     ExtensionReader reader;
//     const FormatExtension extension = reader.read(delta);
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/format/delta.hpp"

namespace ploopu {

// Marks the parts of the disk that were written to since a backup.
struct DirtyBitmap {
  std::string id;            // a GUID in lower case without braces, as QEMU names the bitmap
  uint64_t size = 0;         // bytes of the disk; equals the delta's disk size
  uint64_t granularity = 0;  // bytes of the disk that a bit stands for
  // Number of disk bytes whose bit is set; nothing if the bitmap is too long to count.
  std::optional<uint64_t> dirty_bytes;
};

enum class ExtensionState {
  none,       // the file has no extension
  valid,      // closed by software that knows extensions, and intact
  stale,      // closed later by software that doesn't know extensions
  untrusted,  // the file is open for writing, or its writer crashed
  corrupt,    // declared valid by the file, but faulty
  unknown,    // has a required feature that ploopu doesn't know, or is too much to read
};

// Stable name for JSON output.
[[nodiscard]] const char* state_name(ExtensionState state);

struct FormatExtension {
  ExtensionState state = ExtensionState::none;
  std::string reason;                // why it is not valid, without the file's name; else empty
  std::vector<DirtyBitmap> bitmaps;  // valid and unknown only
  // Magic numbers of unknown features that a reader may ignore.
  std::vector<uint64_t> ignored_features;
  // Number of file clusters that the extension takes, with its bitmaps if they were read.
  uint64_t clusters = 0;

  // A line for a warning or an error about the file `name`. Call it unless the state is none or
  // valid.
  [[nodiscard]] std::string message(const std::string& name) const;
};

template <class Codec>
void fields(Codec& codec, DirtyBitmap& bitmap) {
  codec(bitmap.id, bitmap.size, bitmap.granularity, bitmap.dirty_bytes);
}
template <class Codec>
void fields(Codec& codec, FormatExtension& extension) {
  codec.enumeration(extension.state, ExtensionState::unknown);
  codec(extension.reason, extension.bitmaps, extension.ignored_features, extension.clusters);
}

// Reads the extensions of the deltas of an image: at most 128 MiB in all, about half a second of
// MD5, with 1 MiB of memory.
class ExtensionReader {
 public:
  // Never fails: a fault is in `state` and `reason`. The file is parsed in confined work.
  [[nodiscard]] FormatExtension read(const Delta& delta);

 private:
  uint64_t bytes_left_ = uint64_t{128} << 20;
};

}  // namespace ploopu
