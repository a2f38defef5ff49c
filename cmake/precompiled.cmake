# Reading the standard library is most of what compiling one of our files takes. It is read once for the product and
# once for the tests. GCC takes such a header only for the options that it was made with.
#
# -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON (preset asan) builds without, which shows a missing #include.

function(reel_let_ccache_know_precompiled target)
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endfunction()

# reel_precompiled(NAME header...): a target whose headers others use.
function(reel_precompiled name)
  file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp CONTENT "")
  add_library(${name} OBJECT ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
  target_precompile_headers(${name} PRIVATE ${ARGN})
  reel_let_ccache_know_precompiled(${name})
endfunction()

function(reel_use_precompiled name target)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_precompile_headers(${target} REUSE_FROM ${name})
    reel_let_ccache_know_precompiled(${target})
  endif()
endfunction()

# All targets of a folder, and of those in it, that have no precompiled headers yet.
function(reel_use_precompiled_in folder name)
  get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    get_target_property(own ${target} PRECOMPILE_HEADERS)
    get_target_property(reused ${target} PRECOMPILE_HEADERS_REUSE_FROM)
    if(type MATCHES "LIBRARY$|EXECUTABLE" AND NOT own AND NOT reused)
      reel_use_precompiled(${name} ${target})
    endif()
  endforeach()
  get_property(folders DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(inner IN LISTS folders)
    reel_use_precompiled_in(${inner} ${name})
  endforeach()
endfunction()
