# Apache Arrow C++ (Arrow, Parquet, S3), unpacked from the pyarrow wheel by `./dev setup`.
#
# The libraries have the ABI of g++'s libstdc++ and need nothing but glibc 2.28 and GLIBCXX_3.4.30, which Debian 12 has.
# What they bundle (AWS SDK, OpenSSL, ZSTD, …) is not exported, so it does not meet the system's; libparquet's OpenSSL is,
# see below. Programs of the build tree find them by their RUNPATH, which CMake sets; a package has to bring the three
# files along.
set(CDC_ARROW "${CMAKE_SOURCE_DIR}/.cache/arrow-26.0.1" CACHE PATH "unpacked Arrow C++")
set(arrow_so_version 2600)

foreach(name arrow parquet arrow_s3)
  add_library(cdc_lib${name} SHARED IMPORTED)
  set_target_properties(cdc_lib${name} PROPERTIES
    IMPORTED_LOCATION ${CDC_ARROW}/lib/lib${name}.so.${arrow_so_version}
    IMPORTED_SONAME lib${name}.so.${arrow_so_version})
endforeach()

add_library(cdc_arrow INTERFACE)
target_include_directories(cdc_arrow SYSTEM INTERFACE ${CDC_ARROW}/include)
target_link_libraries(cdc_arrow INTERFACE cdc_libparquet cdc_libarrow_s3 cdc_libarrow)
# libparquet does export the OpenSSL that it bundles, and whoever comes first serves the whole process. So the system's,
# which everything else is made for, is named before all libraries: in parts of both TLS crashes. Parquet needs its own
# only for encrypted files, which nobody writes here.
target_link_options(cdc_arrow INTERFACE LINKER:-lssl,-lcrypto)
