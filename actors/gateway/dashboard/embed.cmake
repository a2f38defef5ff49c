# embed.cmake: Writes a C++ file that holds other files. cmake -DOUT=x.cpp "-DFILES=a;b" -P embed.cmake
set(types html "text/html\; charset=utf-8" css "text/css\; charset=utf-8" js "text/javascript\; charset=utf-8"
          svg "image/svg+xml")
set(code "// Made by embed.cmake.\n#include \"actors/gateway/dashboard/files.hpp\"\n\n#include <algorithm>\n\n")
string(APPEND code "namespace reel::dashboard {\n\nnamespace {\n")
set(table "")
set(number 0)
foreach(path IN LISTS FILES)
  get_filename_component(name ${path} NAME)
  get_filename_component(ending ${path} LAST_EXT)
  string(SUBSTRING ${ending} 1 -1 ending)
  list(FIND types ${ending} at)
  if(at EQUAL -1)
    message(FATAL_ERROR "${path}: no content type is known for .${ending} (allowed: html, css, js, svg)")
  endif()
  math(EXPR at "${at} + 1")
  list(GET types ${at} type)
  file(SHA256 ${path} digest)
  string(SUBSTRING ${digest} 0 32 digest)
  file(READ ${path} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND code "constexpr unsigned char bytes_${number}[] = {${bytes}};\n")
  string(APPEND table "    {\"${name}\", \"${type}\", \"\\\"${digest}\\\"\",\n     "
                      "{reinterpret_cast<const char*>(bytes_${number}), sizeof bytes_${number}}},\n")
  math(EXPR number "${number} + 1")
endforeach()
string(APPEND code "const file table[] = {\n${table}};\n\n} // namespace\n\n"
  "std::span<const file> files() { return table; }\n\nconst file* find(std::string_view name) {\n"
  "  auto found = std::ranges::find(table, name, &file::name);\n"
  "  return found == std::end(table) ? nullptr : &*found;\n}\n\n} // namespace reel::dashboard\n")
file(WRITE ${OUT} "${code}")
