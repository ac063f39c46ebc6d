// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the survey on hosts that are trees of files. The cases in tests/system test real kernels.
#include "platform/attach/host_survey.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class HostSurveyTest : public ::testing::Test {
 protected:
  // Makes a Debian host on which everything works, with modules that can be loaded.
  HostSurveyTest() {
    write("/etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n");
    write("/proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\n");
    write("/proc/self/uid_map", "         0          0 4294967295\n");
    write("/proc/misc", "229 fuse\n237 loop-control\n236 device-mapper\n");
    write("/proc/filesystems", "nodev\tsysfs\n\text4\n");
    for (const char* node : {"fuse", "loop-control", "mapper/control"}) {
      write(std::string("/dev/") + node, "");
    }
    write(modules("modules.builtin"), "kernel/fs/fuse/fuse.ko\nkernel/drivers/block/loop.ko\n");
    write(modules("modules.dep"),
          "kernel/drivers/block/nbd.ko.xz:\n"
          "kernel/drivers/md/dm-zero.ko.xz: kernel/drivers/md/dm-mod.ko.xz\n"
          "kernel/drivers/md/dm-mod.ko.xz:\n"
          "kernel/fs/xfs/xfs.ko.xz: kernel/lib/libcrc32c.ko.xz\n");
    for (const char* file : {"drivers/block/nbd.ko.xz", "drivers/md/dm-zero.ko.xz",
                             "drivers/md/dm-mod.ko.xz", "fs/xfs/xfs.ko.xz"}) {
      write(modules(std::string("kernel/") + file), "");
    }
    write("/usr/bin/man", "");
    std::filesystem::permissions(directory_ / "usr/bin/man", std::filesystem::perms::owner_all);
  }

  static std::string modules(const std::string& file) {
    return std::string("/lib/modules/") + kRelease + "/" + file;
  }

  void write(const std::string& path, const std::string& text) const {
    directory_.write(path.substr(1), text);
  }
  void remove(const std::string& path) const {
    std::filesystem::remove_all(directory_.path() + path);
  }
  void set_family(const std::string& id) const {
    write("/etc/os-release", "ID=x\nID_LIKE=\"" + id + "\"\n");
  }
  // Removes the file of the nbd module, and makes `config` the configuration of the kernel.
  void take_nbd(const std::string& config) const {
    remove(modules("kernel/drivers/block/nbd.ko.xz"));
    if (!config.empty()) write(std::string("/boot/config-") + kRelease, config);
  }

  [[nodiscard]] HostReport look() const {
    SurveyedHost host = host_;
    host.root = directory_.path();
    host.release = release_;
    return survey(host);
  }
  [[nodiscard]] BackendReport look_at(const std::string& name) const {
    for (const auto& backend : look().backends) {
      if (backend.name == name) return backend;
    }
    throw std::runtime_error("no back end " + name);
  }

  static constexpr char kRelease[] = "6.1.0-18-amd64";
  std::string release_ = kRelease;
  TemporaryDirectory directory_;
  SurveyedHost host_ = {.root = "",
                        .release = "",
                        .is_root = true,
                        .has_nbd_family = false,
                        .has_dm_zero = false,
                        .landlock = 2,
                        .has_seccomp = true};
};

TEST_F(HostSurveyTest, WhatCanBeLoadedIsUsable) {
  const auto report = look();
  EXPECT_EQ(report.system, "Debian GNU/Linux 12");
  EXPECT_EQ(report.kernel, kRelease);
  EXPECT_EQ(report.container, "");
  EXPECT_EQ(report.rights, "root");
  EXPECT_TRUE(report.can_mount);
  for (const auto& backend : report.backends) {
    EXPECT_TRUE(backend.usable) << backend.name << ": " << backend.reason;
    EXPECT_THAT(backend.advice, IsEmpty());
  }
  EXPECT_EQ(report.backends[0].reason, "module 'nbd' will be loaded");
  EXPECT_EQ(report.backends[1].reason, "module 'dm_zero' will be loaded");
  EXPECT_EQ(report.backends[2].reason, "");
  EXPECT_TRUE(report.parts[1].available);  // part 1 is xfs
  EXPECT_EQ(report.programs[0].install,
            "install ploopu's package, or link /sbin/mount.ploopu to ploopu");
  EXPECT_EQ(report.programs[2].path, "/usr/bin/man");
  EXPECT_EQ(report.programs[3].install, "'apt install e2fsprogs'");
}

TEST_F(HostSurveyTest, WhatIsLoadedNeedsNothing) {
  remove("/lib/modules");
  host_.has_nbd_family = true;
  host_.has_dm_zero = true;
  for (const auto& backend : look().backends) {
    EXPECT_TRUE(backend.usable) << backend.name << ": " << backend.reason;
    EXPECT_EQ(backend.reason, "");
  }
}

TEST_F(HostSurveyTest, AModuleThatWasNotBuilt) {
  take_nbd("CONFIG_BLK_DEV_LOOP=y\n# CONFIG_BLK_DEV_NBD is not set\n");
  const auto nbd = look_at("nbd");
  EXPECT_FALSE(nbd.usable);
  EXPECT_EQ(nbd.reason,
            "this kernel (6.1.0-18-amd64) was built without it (CONFIG_BLK_DEV_NBD is not set)");
  EXPECT_THAT(nbd.advice, ElementsAre(HasSubstr("apt install linux-image-amd64")));
  EXPECT_TRUE(look().can_mount);  // dm still works
  set_family("rhel centos fedora");
  EXPECT_THAT(look_at("nbd").advice, ElementsAre(HasSubstr("another kernel has it")));
}

TEST_F(HostSurveyTest, TheKernelsOwnCopyOfItsConfigurationMayBeCompressed) {
  take_nbd("");
  const gzFile file = gzopen((directory_ / "proc/config.gz").c_str(), "w");
  gzputs(file, "CONFIG_FUSE_FS=y\n# CONFIG_BLK_DEV_NBD is not set\n");
  gzclose(file);
  EXPECT_THAT(look_at("nbd").reason, HasSubstr("was built without it"));
}

TEST_F(HostSurveyTest, AModuleThatIsNotInstalled) {
  take_nbd("CONFIG_BLK_DEV_NBD=m\n");
  EXPECT_EQ(look_at("nbd").reason,
            "this kernel (6.1.0-18-amd64) has module 'nbd', but it isn't installed");
  set_family("ubuntu debian");
  EXPECT_THAT(look_at("nbd").advice,
              ElementsAre("'apt install linux-modules-extra-6.1.0-18-amd64'"));
  set_family("rhel fedora");
  EXPECT_THAT(look_at("nbd").advice, ElementsAre("'dnf install kernel-modules-6.1.0-18-amd64 "
                                                 "kernel-modules-extra-6.1.0-18-amd64'"));
  set_family("gentoo");
  EXPECT_THAT(look_at("nbd").advice, ElementsAre("install the modules of this kernel"));
}

TEST_F(HostSurveyTest, NothingIsKnownOfTheModule) {
  take_nbd("");
  EXPECT_EQ(look_at("nbd").reason, "this kernel (6.1.0-18-amd64) has no module 'nbd'");
}

TEST_F(HostSurveyTest, AnotherKernelIsRunning) {
  remove("/lib/modules");
  write("/lib/modules/6.1.0-30-amd64/modules.dep", "");
  EXPECT_EQ(look_at("nbd").reason,
            "the running kernel is 6.1.0-18-amd64, but /lib/modules has only modules of "
            "6.1.0-30-amd64");
  EXPECT_THAT(look_at("nbd").advice, ElementsAre(HasSubstr("reboot")));
}

TEST_F(HostSurveyTest, ModulesThatAreForbidden) {
  write("/etc/modprobe.d/x.conf", "blacklist nbd\ninstall dm-zero /bin/false\n");
  EXPECT_EQ(look_at("nbd").reason, "module 'nbd' is forbidden by a line in modprobe.d");
  EXPECT_THAT(look_at("nbd").advice, ElementsAre(HasSubstr("/etc/modprobe.d")));
  EXPECT_EQ(look_at("dm").reason, "module 'dm_zero' is forbidden by a line in modprobe.d");
  remove("/etc/modprobe.d");
  write("/proc/sys/kernel/modules_disabled", "1\n");
  EXPECT_THAT(look_at("nbd").reason, HasSubstr("kernel.modules_disabled is set"));
}

TEST_F(HostSurveyTest, WhoIsNotRootGetsFiles) {
  host_.is_root = false;
  write("/proc/self/status", "CapEff:\t0000000000000000\n");
  const auto report = look();
  EXPECT_FALSE(report.can_mount);
  EXPECT_FALSE(report.privileged);
  EXPECT_EQ(report.obstacle, "only root can create a block device");
  EXPECT_FALSE(report.backends[0].usable);
  EXPECT_FALSE(report.backends[1].usable);
  EXPECT_TRUE(report.backends[2].usable);
  EXPECT_THAT(report.backends[2].reason, HasSubstr("only as a file"));
}

TEST_F(HostSurveyTest, RootOfAContainer) {
  write("/run/systemd/container", "lxc\n");
  write("/proc/self/status", "CapEff:\t00000000a80425fb\n");
  auto report = look();
  EXPECT_EQ(report.container, "lxc");
  EXPECT_FALSE(report.can_mount);
  EXPECT_EQ(report.obstacle,
            "the right to create devices (CAP_SYS_ADMIN) is missing in this container (lxc)");
  write("/proc/self/status", "CapEff:\t000001ffffffffff\n");
  write("/proc/self/uid_map", "         0     100000      65536\n");
  report = look();
  EXPECT_FALSE(report.can_mount);
  EXPECT_EQ(report.obstacle, "root of a user namespace may not create devices");
}

TEST_F(HostSurveyTest, ContainersAreRecognised) {
  EXPECT_EQ(look().container, "");
  write("/proc/vz/x", "");
  EXPECT_EQ(look().container, "openvz");
  write("/proc/bc/x", "");  // makes it an OpenVZ host
  EXPECT_EQ(look().container, "");
  write("/run/.containerenv", "");
  EXPECT_EQ(look().container, "podman");
  write("/.dockerenv", "");
  EXPECT_EQ(look().container, "docker");
  // A virtual machine that runs the file system of a container is no container.
  std::filesystem::create_directories(directory_ / "proc/self/ns");
  std::filesystem::create_symlink("pid:[4026531836]", directory_ / "proc/self/ns/pid");
  remove("/run/.containerenv");
  EXPECT_EQ(look().container, "");
}

TEST_F(HostSurveyTest, APrivilegedContainerWithoutTheRightToLoadModules) {
  write("/proc/self/status", "CapEff:\t000001fffffeffff\n");  // all but CAP_SYS_MODULE
  const auto nbd = look_at("nbd");
  EXPECT_FALSE(nbd.usable);
  EXPECT_THAT(nbd.reason, HasSubstr("can't be loaded from here"));
  EXPECT_THAT(nbd.advice, ElementsAre("'modprobe nbd' on the host"));
}

TEST_F(HostSurveyTest, ADriverOfAnotherNetworkNamespace) {
  std::filesystem::create_directories(directory_ / "sys/module/nbd");
  const auto nbd = look_at("nbd");
  EXPECT_FALSE(nbd.usable);
  EXPECT_THAT(nbd.reason, HasSubstr("network namespace"));
}

TEST_F(HostSurveyTest, ANodeIsMissing) {
  remove("/dev/fuse");
  EXPECT_EQ(look_at("fuse").reason, "/dev/fuse: No such file or directory");
  remove("/dev/loop-control");
  EXPECT_EQ(look_at("dm").reason, "/dev/loop-control: No such file or directory");
}

TEST_F(HostSurveyTest, WithoutABackEndOrExt4NothingCanBeMounted) {
  remove("/lib/modules");
  remove("/proc/misc");
  auto report = look();
  EXPECT_FALSE(report.can_mount);
  EXPECT_EQ(report.obstacle, "no back end can be used");
  host_.has_nbd_family = true;
  EXPECT_TRUE(look().can_mount);
  write("/proc/filesystems", "nodev\tsysfs\n");
  report = look();
  EXPECT_FALSE(report.can_mount);
  EXPECT_EQ(report.obstacle, "this kernel has no ext4");
}

TEST_F(HostSurveyTest, OldKernels) {
  host_.has_nbd_family = true;
  host_.has_dm_zero = true;
  for (const char* old : {"5.13.19", "5.4.0-200-generic", "4.18.0-553.el8.x86_64"}) {
    release_ = old;
    EXPECT_FALSE(look_at("nbd").usable) << old;
    EXPECT_THAT(look_at("nbd").reason, HasSubstr("Linux 5.14"));
    EXPECT_TRUE(look().can_mount);  // dm still works
  }
  for (const char* recent : {"5.14.0-427.el9.x86_64", "6.1.0", "10.0", "strange"}) {
    release_ = recent;
    EXPECT_TRUE(look_at("nbd").usable) << recent;
  }
  host_.has_close_range = false;
  EXPECT_FALSE(look().can_mount);
  EXPECT_EQ(look().obstacle, "ploopu needs Linux 5.9 or later (close_range)");
}

TEST_F(HostSurveyTest, Lockdown) {
  write("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
  EXPECT_FALSE(look().parts.back().available);
  EXPECT_THAT(look().parts.back().detail, HasSubstr("'integrity'"));
  write("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
  EXPECT_TRUE(look().parts.back().available);
}

// The survey has an answer even if all files are missing.
TEST_F(HostSurveyTest, AnEmptyTree) {
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
    std::filesystem::remove_all(entry.path());
  }
  const auto report = look();
  EXPECT_FALSE(report.can_mount);
  EXPECT_EQ(report.backends.size(), 3U);
  for (const auto& file : {"/proc/misc", "/etc/os-release", "/proc/self/status"}) {
    std::filesystem::create_directories(directory_.path() + file);
  }
  write("/proc/self/uid_map", std::string(100000, '\xff'));
  write(modules("modules.dep"), std::string("\0:/.ko\n.ko:\n", 11));
  EXPECT_FALSE(look().can_mount);
}

TEST(ThisHost, IsLookedAt) {
  const auto report = survey(this_host());
  EXPECT_NE(report.kernel, "");
  EXPECT_EQ(report.privileged, ::geteuid() == 0);
  EXPECT_EQ(report.backends.size(), 3U);
}

}  // namespace
}  // namespace ploopu::testing
