# Apache's client for Pulsar, unpacked by `./dev setup`. It is not linked but loaded when it is needed: programs of the
# build tree find it beside them (a sanitizer's dlopen does not see their RUNPATH), an installed one where the system
# has it.
set(CDC_PULSAR "${CMAKE_SOURCE_DIR}/.cache/pulsar-client-3.13.0" CACHE PATH "unpacked client for Pulsar")
file(CREATE_LINK ${CDC_PULSAR}/lib/libpulsar.so ${CMAKE_BINARY_DIR}/libpulsar.so SYMBOLIC)
