#pragma once

#include <string_view>

#include "model/wal_properties.h"

// What Kafka held after Milvus' own library of 2.6.8 (pkg/v2/streaming) had written it: values in
// hex, and the properties. The framing is Milvus', the contents are ours. Collection `hello` with
// the id 470642876028028048: id (int64 key), v (float vector of 4).
namespace cdc::milvus_2_6_8 {

struct Vector {
  WalProperties properties;
  std::string_view value;
};
inline const Vector kFirstTick{
    .properties = {.version = "1", .type = "1", .time_tick = "3ipde7jyhkhs"},
    .value = "0a0f08b00918808080c8c0bdf3b6062004"};
// Broadcast, as are the alteration and the drop.
inline const Vector kCreateCollection{
    .properties = {.version = "1",
                   .type = "5",
                   .time_tick = "3ipde7k01r7k",
                   .vchannel = "by-v26-rootcoord-dml_0_470642876028028048v0",
                   .header = "CJCJ4I285oPEBhIJkYngjbzmg8QGGAE="},
    .value =
        "0a020864120764656661756c741a0568656c6c6f22085f64656661756c742801309089e08dbce683c4064a2b"
        "62792d7632362d726f6f74636f6f72642d646d6c5f305f343730363432383736303238303238303438763052"
        "1662792d7632362d726f6f74636f6f72642d646d6c5f305a099189e08dbce683c4066a4d0a0568656c6c6f22"
        "0a0864120269641801280522110865120176286532080a0364696d12013422091205526f7749442805220f08"
        "01120954696d657374616d7028052801420764656661756c74"};
inline const Vector kCreateSegment{
    .properties = {.version = "2",
                   .type = "10",
                   .time_tick = "3ipde7k0tukg",
                   .vchannel = "by-v26-rootcoord-dml_0_470642876028028048v0",
                   .header = "CJCJ4I285oPEBhCRieCNvOaDxAYYYyAC"},
    .value = ""};
// Ids 1 to 3.
inline const Vector kInsert{
    .properties = {.version = "1",
                   .type = "2",
                   .time_tick = "3ipde7k1lxxc",
                   .vchannel = "by-v26-rootcoord-dml_0_470642876028028048v0",
                   .header = "CJCJ4I285oPEBhIQCJGJ4I285oPEBhADIgIIYw=="},
    .value =
        "0a050890032001122b62792d7632362d726f6f74636f6f72642d646d6c5f305f343730363432383736303238"
        "30323830343876301a0764656661756c74220568656c6c6f2a085f64656661756c74389089e08dbce683c406"
        "409189e08dbce683c40652030000005a030102036a1108051202696428641a071a050a030102036a3f086512"
        "017628652236080412320a300000803f00000000000000000000000000000040000000000000000000000000"
        "0000404000000000000000000000000070037801"};
// Id 1.
inline const Vector kDelete{
    .properties = {.version = "1",
                   .type = "3",
                   .time_tick = "3ipde7k364n4",
                   .vchannel = "by-v26-rootcoord-dml_0_470642876028028048v0",
                   .header = "CJCJ4I285oPEBhAB"},
    .value =
        "0a050891032001122b62792d7632362d726f6f74636f6f72642d646d6c5f305f343730363432383736303238"
        "3032383034387630220568656c6c6f389089e08dbce683c40640ffffffffffffffffff01520100580162050a"
        "030a0101"};
// An upsert of id 2: an insert and a delete in one transaction.
inline const Vector kBegin{.properties = {.version = "2",
                                          .type = "900",
                                          .time_tick = "3ipde7k4qbcw",
                                          .vchannel = "by-v26-rootcoord-dml_0_470642876028028048v0",
                                          .header = "CJBO",
                                          .transaction = "CICAgM3AvfO2BhCQTg=="},
                           .value = ""};
inline const Vector kInsertOfTransaction{
    .properties = {.version = "1",
                   .type = "2",
                   .time_tick = "3ipde7k4vxmo",
                   .vchannel = "by-v26-rootcoord-dml_0_470642876028028048v0",
                   .header = "CJCJ4I285oPEBhIQCJGJ4I285oPEBhABIgIIYw==",
                   .transaction = "CICAgM3AvfO2BhCQTg=="},
    .value =
        "0a050890032001122b62792d7632362d726f6f74636f6f72642d646d6c5f305f343730363432383736303238"
        "30323830343876301a0764656661756c74220568656c6c6f2a085f64656661756c74389089e08dbce683c406"
        "409189e08dbce683c4065201005a01026a0f08051202696428641a051a030a01026a1f086512017628652216"
        "080412120a100000004000000000000000000000000070017801"};
inline const Vector kDeleteOfTransaction{
    .properties = {.version = "1",
                   .type = "3",
                   .time_tick = "3ipde7k51jwg",
                   .vchannel = "by-v26-rootcoord-dml_0_470642876028028048v0",
                   .header = "CJCJ4I285oPEBhAB",
                   .transaction = "CICAgM3AvfO2BhCQTg=="},
    .value =
        "0a050891032001122b62792d7632362d726f6f74636f6f72642d646d6c5f305f343730363432383736303238"
        "3032383034387630220568656c6c6f389089e08dbce683c40640ffffffffffffffffff01520100580162050a"
        "030a0102"};
inline const Vector kCommit{
    .properties = {.version = "2",
                   .type = "901",
                   .time_tick = "3ipde7k57668",
                   .vchannel = "by-v26-rootcoord-dml_0_470642876028028048v0",
                   .transaction = "CICAgM3AvfO2BhCQTg=="},
    .value = ""};
inline const Vector kSecondTick{
    .properties = {.version = "1", .type = "1", .time_tick = "3ipde7k6ai2o"},
    .value = "0a0f08b009188080a0cec0bdf3b6062004"};
inline const Vector kAlterCollection{
    .properties = {.version = "2",
                   .type = "13",
                   .time_tick = "3ipde7k7uosg",
                   .vchannel = "by-v26-rootcoord-dml_0_470642876028028048v0",
                   .header = "CAEQkIngjbzmg8QGGgwKCnByb3BlcnRpZXM="},
    .value = "0a2008013a1c0a16636f6c6c656374696f6e2e74746c2e7365636f6e647312023630"};
inline const Vector kDropCollection{
    .properties = {.version = "1",
                   .type = "6",
                   .time_tick = "3ipde7k9evi8",
                   .vchannel = "by-v26-rootcoord-dml_0_470642876028028048v0",
                   .header = "CJCJ4I285oPEBhAB"},
    .value = "0a020865120764656661756c741a0568656c6c6f2001289089e08dbce683c406"};
inline const Vector kLastTick{
    .properties = {.version = "1", .type = "1", .time_tick = "3ipde7kaz280"},
    .value = "0a0f08b00918808080d2c0bdf3b6062004"};

}  // namespace cdc::milvus_2_6_8
