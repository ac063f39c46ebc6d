// SPDX-License-Identifier: GPL-2.0-or-later
// Access to the descriptor of an image and to the files that it names. A descriptor from a stranger
// could name any file of the host, so a file must be in the descriptor's directory, unless the user
// allowed otherwise. Descriptors are parsed in confined work, which asks for each file.
//
//     LocatedFiles files(tree, location);
//     PLOOPU_TRY(const auto text, files.read_descriptor());
//     return confined<DiskDescriptor>({location.path}, [&](Outside& outside) {
//       AskedFiles asked(outside);
//       return parse_descriptor(text, asked);
//     }, [&](const std::string& request) { return files.serve(request, Keep::nothing); });
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/confine/confinement.hpp"
#include "core/disk/image_location.hpp"
#include "core/files/host_tree.hpp"
#include "core/format/delta.hpp"
#include "core/format/disk_descriptor.hpp"

namespace ploopu {

// Limits of a chain of clones: the number of descriptors, as in libploop, and the bytes of all
// their texts.
inline constexpr size_t kMaxCloneLevels = 256;
inline constexpr size_t kMaxCloneBytes = 4 * kMaxDescriptorBytes;

// A descriptor that was read but not parsed.
struct DescriptorText {
  std::string path;  // a path of this host
  std::string text;
  FileIdentity identity;
};

template <class Codec>
void fields(Codec& codec, DescriptorText& text) {
  codec(text.path, text.text, text.identity);
}

// Opens the files of one image by the rules above, and hands them to confined work. Runs outside of
// the confined process.
class LocatedFiles {
 public:
  // `tree` and `location` outlive this object.
  LocatedFiles(const HostTree& tree, const ImageLocation& location)
      : tree_(tree), location_(location) {}

  [[nodiscard]] const ImageLocation& location() const { return location_; }

  // The text of the image's descriptor, which only the first call reads.
  [[nodiscard]] Result<DescriptorText> read_descriptor();
  // Whether a descriptor that was read has another text now; an error when it can't be read.
  [[nodiscard]] Result<bool> have_changed();
  // Reads the descriptors anew from now on.
  void forget();

  enum class Keep { nothing, deltas };
  // Answers a request of AskedFiles. The reply to an unsound request, or to one too many, is empty.
  [[nodiscard]] Handed serve(const std::string& bytes, Keep keep);
  // The deltas that serve() opened and kept, in their order.
  [[nodiscard]] const std::vector<Delta>& opened() const { return opened_; }

 private:
  [[nodiscard]] bool is_known(const std::string& path) const;
  [[nodiscard]] Result<DescriptorText> read(const std::string& path);
  [[nodiscard]] Result<std::string> find_parent(const std::string& path,
                                                const std::string& clone_of) const;
  [[nodiscard]] Result<DescriptorText> read_parent(const std::string& path,
                                                   const std::string& clone_of);
  [[nodiscard]] Result<Delta> open_listed(const DescriptorImage& image, bool is_base,
                                          uint32_t cluster_sectors,
                                          std::vector<std::string>& warnings);
  [[nodiscard]] std::string backups_of(const std::string& path) const;
  // The directory of the image, which is held from the first call on.
  [[nodiscard]] Result<const ImageDirectory*> directory();
  [[nodiscard]] Result<DescriptorText> read_now(const std::string& path);

  const HostTree& tree_;
  const ImageLocation& location_;
  std::unique_ptr<ImageDirectory> directory_;
  std::vector<DescriptorText> texts_;  // the image's descriptor, then its parents
  std::vector<Delta> opened_;
  size_t requests_ = 0;
};

// The image's files as confined work sees them: each call asks a LocatedFiles outside.
class AskedFiles {
 public:
  explicit AskedFiles(Outside& outside) : outside_(outside) {}

  // The parent of the clone whose descriptor is at `path`; `clone_of` is the directory that the
  // clone names (docs/FORMAT.md#clones). ErrorKind::refused for a parent outside of the clone's
  // directory, unless location.allow_outside.
  [[nodiscard]] Result<DescriptorText> read_parent(const std::string& path,
                                                   const std::string& clone_of);

  // Opens the file of one <Image>. ErrorKind::refused unless it is beneath the descriptor's
  // directory with no link in its path. location.allow_outside permits links and regular files
  // anywhere, with a warning that names the file. `is_base` allows a raw file; `cluster_sectors` is
  // its cluster size, in sectors.
  [[nodiscard]] Result<Delta> open_listed(const DescriptorImage& image, bool is_base,
                                          uint32_t cluster_sectors,
                                          std::vector<std::string>& warnings);

  // The end of a message, "; there is NAME, NAME: ...", for files beside the descriptor at `path`
  // that may be its backups. Empty without such files.
  [[nodiscard]] std::string backups_of(const std::string& path);

 private:
  Outside& outside_;
};

// Parses a descriptor and adds the images and shots of its parents. ErrorKind::damaged for any
// fault of a descriptor, with the names of possible backups; a backup is never read instead. Call
// it in confined work only.
[[nodiscard]] Result<DiskDescriptor> parse_descriptor(const DescriptorText& text,
                                                      AskedFiles& files);

// Reads and parses the image's descriptor in confined work of its own. Errors as for
// parse_descriptor().
[[nodiscard]] Result<DiskDescriptor> read_descriptor(LocatedFiles& files);

// AskedFiles::backups_of() for any directory.
[[nodiscard]] std::string backups_beside(const FileSystem& files, const std::string& directory);

}  // namespace ploopu
