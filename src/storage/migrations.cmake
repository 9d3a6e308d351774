# Writes one source file that holds the named files of metadata/migrations as string constants, by schema and number.
function(epicrisis_embed_migrations output)
  set(metadata "")
  set(logs "")
  foreach(file IN LISTS ARGN)
    if(NOT file MATCHES "^(metadata|logs)_0*([1-9][0-9]*)_([a-z_]+)\\.sql$")
      message(FATAL_ERROR "${file}: a migration is called SCHEMA_NUMBER_NAME.sql")
    endif()
    set(path "${CMAKE_CURRENT_SOURCE_DIR}/metadata/migrations/${file}")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${path}")
    set(schema "${CMAKE_MATCH_1}")
    set(entry "    {${CMAKE_MATCH_2}, \"${CMAKE_MATCH_3}\", R\"sql(")
    file(READ "${path}" sql)
    string(APPEND ${schema} "${entry}${sql})sql\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT "${output}" @ONLY CONTENT [==[
#include "storage/metadata/database.hpp"

namespace epicrisis::storage {
namespace {
constexpr Migration kMetadata[] = {
@metadata@};
constexpr Migration kLogs[] = {
@logs@};
}  // namespace

std::span<const Migration> metadata_migrations() { return kMetadata; }
std::span<const Migration> logs_migrations() { return kLogs; }
}  // namespace epicrisis::storage
]==])
endfunction()
