# Every library this project uses, found once. Debian 12 and 13 package names are in the `dev` script.
# LibTorch is looked for in actors/worker/wan: nothing else may link it.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS headers json url)
find_package(CapnProto CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(tomlplusplus CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(SQLiteCpp CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)

pkg_check_modules(sodium REQUIRED IMPORTED_TARGET GLOBAL libsodium)
pkg_check_modules(zmq REQUIRED IMPORTED_TARGET GLOBAL libzmq)
pkg_check_modules(sentencepiece REQUIRED IMPORTED_TARGET GLOBAL sentencepiece)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET GLOBAL libutf8proc)
pkg_check_modules(libav REQUIRED IMPORTED_TARGET GLOBAL libavcodec libavformat libavutil libswscale)
pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET GLOBAL sqlite3)
pkg_check_modules(isal REQUIRED IMPORTED_TARGET GLOBAL libisal)
pkg_check_modules(edit REQUIRED IMPORTED_TARGET GLOBAL libedit)
pkg_check_modules(curl REQUIRED IMPORTED_TARGET GLOBAL libcurl)

# CAF 0.17 ships neither a CMake nor a pkg-config file. Its headers warn in C++20, hence SYSTEM.
find_path(CAF_INCLUDE caf/config.hpp HINTS ${CAF_ROOT}/include REQUIRED)
find_library(CAF_CORE caf_core HINTS ${CAF_ROOT}/lib REQUIRED)
add_library(caf::core UNKNOWN IMPORTED)
set_target_properties(caf::core PROPERTIES IMPORTED_LOCATION ${CAF_CORE}
                                           INTERFACE_LINK_LIBRARIES Threads::Threads)
if(NOT CAF_INCLUDE STREQUAL "/usr/include")
  target_include_directories(caf::core SYSTEM INTERFACE ${CAF_INCLUDE})
endif()
