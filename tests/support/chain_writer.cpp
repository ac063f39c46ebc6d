// SPDX-License-Identifier: GPL-2.0-or-later
// chain_writer DIR SEED [KEY=NUMBER...]: a random bundle in the new directory DIR, for tests that
// hold our bytes against those of other programs: deltas, DiskDescriptor.xml with a snapshot for
// each delta, and a second branch if there is something to branch from. Keys are the fields of
// ChainShape: version, cluster_sectors, depth, clusters, raw_base, by_libploop.
// DIR/shots tells in a line for each snapshot, base first, what it is made of, so that a test needs
// no descriptor: GUID, "raw" or "ploop" for the base, then the files of its chain.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/support/descriptors.hpp"
#include "tests/support/random_chain.hpp"
#include "tests/support/sparse_file.hpp"

namespace ploopu::testing {
namespace {

class Bundle {
 public:
  explicit Bundle(std::string directory) : directory_(std::move(directory)) {
    if (!std::filesystem::create_directory(directory_)) {
      throw std::runtime_error(directory_ + ": exists");
    }
  }

  // A delta on top of the chain of `files`, which gets longer by it.
  void add(const Layer& layer, std::vector<std::string>& files, bool is_live = false) {
    const std::string file = fmt::format("root.hdd.{}", count_);
    write_sparsely(directory_ + "/" + file, *layer.file);
    if (files.empty()) base_ = layer.raw ? "raw" : "ploop";
    const std::string parent = files.empty() ? kNull : guids_.at(files.back());
    ++count_;
    guids_[file] =
        is_live ? kFixedTop : fmt::format("{{{:08x}-0000-0000-0000-000000000000}}", count_);
    images_ += image_xml(guids_[file], file, base_ == "raw" ? "Plain" : "Compressed");
    shots_ += shot_xml(guids_[file], parent);
    files.push_back(file);
    shot_lines_ += fmt::format("{} {} {}\n", guids_[file], base_, fmt::join(files, " "));
  }

  void finish(const Layer& top) const {
    DescriptorText text;
    text.disk_sectors = std::to_string(top.disk_sectors);
    text.cluster_sectors = std::to_string(top.cluster_sectors);
    text.parameters = "<Cylinders>1</Cylinders><Heads>16</Heads><Sectors>63</Sectors>";
    text.images = images_;
    text.top = fmt::format("<TopGUID>{}</TopGUID>", kFixedTop);
    text.shots = shots_;
    std::ofstream(directory_ + "/DiskDescriptor.xml") << text.str();
    std::ofstream(directory_ + "/shots") << shot_lines_;
  }

 private:
  std::string directory_;
  uint32_t count_ = 0;
  std::string base_;
  std::map<std::string, std::string> guids_;  // by file
  std::string images_;
  std::string shots_;
  std::string shot_lines_;
};

void write_bundle(const std::string& directory, uint32_t seed, const ChainShape& shape) {
  RandomChain chain(seed, shape);
  Bundle bundle(directory);
  std::vector<std::string> files;
  std::vector<std::string> branch;
  const size_t fork = chain.layers().size() / 2;
  for (size_t i = 0; i < chain.layers().size(); ++i) {
    if (i == fork) branch = files;
    bundle.add(chain.layers()[i], files, i + 1 == chain.layers().size());
  }
  if (!branch.empty()) bundle.add(chain.another_delta(), branch);
  bundle.finish(chain.layers().back());
}

ChainShape parse_shape(const std::vector<std::string>& settings) {
  ChainShape shape;
  shape.sound = true;
  const std::map<std::string, std::optional<uint32_t>*> fields = {
      {"version", &shape.version},   {"cluster_sectors", &shape.cluster_sectors},
      {"depth", &shape.depth},       {"clusters", &shape.clusters},
      {"raw_base", &shape.raw_base}, {"by_libploop", &shape.by_libploop},
  };
  for (const auto& setting : settings) {
    const size_t equals = setting.find('=');
    *fields.at(setting.substr(0, equals)) = std::stoul(setting.substr(equals + 1));
  }
  return shape;
}

}  // namespace
}  // namespace ploopu::testing

int main(int argc, char** argv) {
  try {
    if (argc < 3) throw std::runtime_error("usage: DIR SEED [KEY=NUMBER...]");
    ploopu::testing::write_bundle(argv[1], static_cast<uint32_t>(std::stoul(argv[2])),
                                  ploopu::testing::parse_shape({argv + 3, argv + argc}));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "chain_writer: " << error.what() << '\n';
    return 1;
  }
}
