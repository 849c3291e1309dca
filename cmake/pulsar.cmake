# Apache's client for Pulsar, unpacked by `./dev setup`. It is not linked but loaded when it is needed: programs of the
# build tree find it by their RUNPATH, an installed one where the system has it.
set(CDC_PULSAR "${CMAKE_SOURCE_DIR}/.cache/pulsar-client-3.13.0" CACHE PATH "unpacked client for Pulsar")
list(APPEND CMAKE_BUILD_RPATH ${CDC_PULSAR}/lib)
