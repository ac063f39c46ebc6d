// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/find/ploop_figures.hpp"

#include <algorithm>
#include <utility>

#include "core/confine/confined.hpp"
#include "core/disk/image_chain.hpp"
#include "core/disk/image_files.hpp"
#include "core/disk/snapshots.hpp"

namespace ploopu {
namespace {

uint64_t older_shots(const DiskDescriptor& descriptor, const std::string& live_guid) {
  const auto shots = snapshots_of(descriptor, live_guid, {});
  return static_cast<uint64_t>(std::count_if(shots.begin(), shots.end(),
                                             [](const Snapshot& shot) { return !shot.is_live; }));
}

std::string lost_clusters(const Disk& disk) {
  for (size_t i = 0; i < disk.deltas().size(); ++i) {
    if (disk.usage(i).damaged == 0) continue;
    return fmt::format("{}: {} of {} clusters are incomplete in the file: run 'ploopu check'",
                       disk.deltas()[i].name(), disk.usage(i).damaged, disk.usage(i).allocated);
  }
  return {};
}

Result<void> read_disk(const DiskDescriptor& descriptor, const std::string& path, AskedFiles& files,
                       PloopFigures& figures) {
  PLOOPU_TRY(const auto live, find_shot(descriptor, "top", path));
  figures.snapshots = older_shots(descriptor, live);
  PLOOPU_TRY(auto chain, open_shot(descriptor, live, path, files));
  PLOOPU_TRY(const auto disk, assemble_unchanged(std::move(chain.deltas)));
  figures.disk = DiskFigures{disk.size(), disk.cluster_size(), disk.clusters_allocated(),
                             disk.deltas().back().in_use()};
  figures.error = lost_clusters(disk);
  return {};
}

PloopFigures read_figures(const DescriptorText& text, Outside& outside) {
  PloopFigures figures;
  AskedFiles files(outside);
  const auto descriptor = parse_descriptor(text, files);
  if (!descriptor) {
    figures.error = descriptor.error().message;
  } else if (const auto read = read_disk(*descriptor, text.path, files, figures); !read) {
    figures.error = read.error().message;
  }
  return figures;
}

std::string work_on(const std::string& argument, Outside& outside) {
  const auto text = decode_answer<DescriptorText>(argument, "");
  return text ? encode_answer<PloopFigures>(read_figures(*text, outside)) : std::string();
}

// A rehearsal for the series: a descriptor as libploop writes it.
std::string rehearsal() {
  DescriptorText text;
  text.path = "/DiskDescriptor.xml";
  text.text =
      "<?xml version=\"1.0\"?>\n<Parallels_disk_image Version=\"1.0\"><Disk_Parameters>"
      "<Disk_size>2048</Disk_size><Padding>0</Padding></Disk_Parameters><StorageData><Storage>"
      "<Start>0</Start><End>2048</End><Blocksize>2048</Blocksize><Image>"
      "<GUID>{5fbaabe3-6958-40ff-92a7-860e329aab41}</GUID><Type>Compressed</Type>"
      "<File>root.hds</File></Image></Storage></StorageData><Snapshots>"
      "<TopGUID>{5fbaabe3-6958-40ff-92a7-860e329aab41}</TopGUID><Shot>"
      "<GUID>{5fbaabe3-6958-40ff-92a7-860e329aab41}</GUID>"
      "<ParentGUID>{00000000-0000-0000-0000-000000000000}</ParentGUID></Shot></Snapshots>"
      "</Parallels_disk_image>\n";
  return encode_answer<DescriptorText>(text);
}

}  // namespace

SeriesWork figure_series() { return {kFigureSeries, work_on, rehearsal()}; }

Result<PloopFigures> FigureReader::try_to_read(const HostTree& tree, const ImageLocation& location,
                                               bool is_last_try) {
  LocatedFiles files(tree, location);
  PLOOPU_TRY(const auto text, files.read_descriptor());
  const Serve serve = [&](const std::string& request) {
    return files.serve(request, LocatedFiles::Keep::nothing);
  };
  Result<PloopFigures> figures = PloopFigures();
  if (confinement() == nullptr) {
    DirectOutside outside(serve);
    figures = read_figures(text, outside);
  } else {
    if (!series_) {
      PLOOPU_TRY(series_, confinement()->start_series(figure_series()));
    }
    PLOOPU_TRY(const auto bytes,
               series_->run({location.path}, encode_answer<DescriptorText>(text), serve));
    figures = decode_answer<PloopFigures>(bytes, location.path);
  }
  // Making or merging a snapshot removes files, so a changed descriptor explains the error.
  const bool is_wrong = !figures || !figures->error.empty();
  if (is_wrong && !is_last_try && files.have_changed().value_or(false)) {
    return try_to_read(tree, location, true);
  }
  return figures;
}

PloopFigures FigureReader::read(const HostTree& tree, const ImageLocation& location) {
  auto figures = try_to_read(tree, location, false);
  if (figures) return *std::move(figures);
  PloopFigures none;
  none.error = figures.error().message;
  return none;
}

}  // namespace ploopu
