# SPDX-License-Identifier: GPL-2.0-or-later
# Settings for the Debian package, which cpack -G DEB makes.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME ploopu)
set(CPACK_PACKAGE_CONTACT "${PLOOPU_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "reads ploop disk images of OpenVZ and Virtuozzo")
set(CPACK_SET_DESTDIR ON) # /etc is not below the prefix
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
                                                WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS libkmod2) # loaded at run time, see platform/kernel/kmod_library.hpp
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS fuse3)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
    "Shows the contents of the disks of OpenVZ and Virtuozzo containers, attaches
them as read-only block devices, and mounts them, on kernels without a ploop
driver. It never writes to an image.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${CMAKE_CURRENT_SOURCE_DIR}/debian/conffiles
    ${CMAKE_CURRENT_SOURCE_DIR}/debian/postinst
    ${CMAKE_CURRENT_SOURCE_DIR}/debian/prerm
    ${CMAKE_CURRENT_BINARY_DIR}/debian/postrm)
configure_file(debian/stage.cmake.in debian/stage.cmake @ONLY)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_BINARY_DIR}/debian/stage.cmake)
include(CPack)
