// Writes src/source/snapshot/testing/later_files.h: files as Milvus 2.4 to 2.6 write them.
//
//	cd tests/snapshot/later_files && go run . > ../../../src/source/snapshot/testing/later_files.h
//
// The Parquet files inside are real: the library, its version and its settings are those of Milvus. The frame around
// them is ours, after the description of the format, and no server of these versions has been seen to write it.
package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"

	"github.com/apache/arrow/go/v12/arrow"
	"github.com/apache/arrow/go/v12/arrow/array"
	"github.com/apache/arrow/go/v12/arrow/memory"
	"github.com/apache/arrow/go/v12/parquet"
	"github.com/apache/arrow/go/v12/parquet/compress"
	"github.com/apache/arrow/go/v12/parquet/pqarrow"
)

const (
	collection = 1
	partition  = 2
	segment    = 3
	field      = 101
)

// Numbers of milvus.proto.schema.DataType.
const (
	typeInt64, typeVarChar, typeArray, typeJSON    = 5, 21, 22, 23
	typeHalf, typeBrain, typeSparse, typeInt8Vector = 102, 103, 104, 105
)

// A parquet file of these columns, which all have the same number of values.
func parquetOf(fields []arrow.Field, columns []arrow.Array) []byte {
	schema := arrow.NewSchema(fields, nil)
	record := array.NewRecord(schema, columns, int64(columns[0].Len()))
	table := array.NewTableFromRecords(schema, []arrow.Record{record})
	settings := parquet.NewWriterProperties(
		parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCompressionLevel(3))
	var out bytes.Buffer
	check(pqarrow.WriteTable(table, &out, 1<<30, settings, pqarrow.DefaultWriterProps()))
	return out.Bytes()
}

// A writer that flushes knows the times of the rows and where each event ends, one that compacts does not.
type writer struct {
	column       string
	first, last  uint64
	knowsTheNext bool
}

var (
	flushing   = writer{"val", 50, 60, true}
	compacting = writer{"101", 1, 1, false}
)

func (w writer) event(kind int8, at int, body []byte) []byte {
	length := int32(17 + len(body))
	next := int32(-1)
	if w.knowsTheNext {
		next = int32(at) + length
	}
	return append(packed(uint64(470747037474488335), kind, length, next), body...)
}

func (w writer) frame(dataType int32, fieldID int64, kind int8, extra map[string]any, payload []byte) []byte {
	text, err := json.Marshal(extra)
	check(err)
	descriptor := packed(int64(collection), int64(partition), int64(segment), fieldID, w.first, w.last, dataType,
		[8]byte{52, 16, 16, 16, 16, 16, 16, 16}, int32(len(text)))
	file := packed(uint32(0xfffabc))
	// A descriptor always knows where it ends.
	file = append(file, writer{knowsTheNext: true}.event(0, len(file), append(descriptor, text...))...)
	return append(file, w.event(kind, len(file), append(packed(w.first, w.last), payload...))...)
}

func (w writer) insertLog(dataType int32, nullable bool, values arrow.Array) []byte {
	// Writers of compactions declare every column optional.
	optional := nullable || w == compacting
	payload := parquetOf([]arrow.Field{{Name: w.column, Type: values.DataType(), Nullable: optional}}, []arrow.Array{values})
	extra := map[string]any{"original_size": strconv.Itoa(len(payload)), "nullable": nullable}
	return w.frame(dataType, field, 1, extra, payload)
}

func deleteLog(keys, times arrow.Array) []byte {
	columns := []arrow.Field{{Name: "pk", Type: keys.DataType()}, {Name: "ts", Type: times.DataType()}}
	payload := parquetOf(columns, []arrow.Array{keys, times})
	extra := map[string]any{"original_size": strconv.Itoa(16 * keys.Len()), "version": "MULTI_FIELD"}
	// Int64 whatever the keys are.
	return compacting.frame(typeInt64, 0, 2, extra, payload)
}

func main() {
	fmt.Println("#pragma once\n\n#include <string_view>\n\nnamespace cdc {\n")
	fmt.Println("// Files as Milvus 2.4 to 2.6 write them, in hexadecimal, made by tests/snapshot/later_files: the Parquet")
	fmt.Println("// inside is that of Milvus' library, the frame is ours. Collection 1, partition 2, segment 3, field 101.")
	ints := ints([]int64{7, 0, -1, 0}, true, false, true, false)
	show("NullableInts", "Int64: 7, null, -1, null", flushing.insertLog(typeInt64, true, ints))
	show("CompactedInts", "the same, written by a compaction", compacting.insertLog(typeInt64, true, ints))
	show("CompactedRequiredInts", "Int64, not nullable: 1, 2", compacting.insertLog(typeInt64, false, intsOf(1, 2)))
	show("OnlyNulls", "Int64: null, null", flushing.insertLog(typeInt64, true, nulls(2)))
	texts := texts([]string{"", "", "a"}, true, false, true)
	show("NullableTexts", "VarChar: empty, null, a", flushing.insertLog(typeVarChar, true, texts))
	documents := binaries([][]byte{[]byte(`{"a":1}`), nil, []byte("null")}, true, false, true)
	show("NullableDocuments", "JSON: {\"a\":1}, null, the document null", flushing.insertLog(typeJSON, true, documents))
	arrays := binaries([][]byte{nil, {0x1a, 4, 0x0a, 2, 0, 1}, {0x1a, 0}}, false, true, true)
	show("NullableArrays", "Array of Int64: null, [0, 1], []", flushing.insertLog(typeArray, true, arrays))
	sparse := binaries([][]byte{pairs(1, 0.5, 70000, 2), {}, pairs(3, 1)}, true, true, true)
	show("SparseVectors", "SparseFloatVector: 1: 0.5, 70000: 2; empty; 3: 1", flushing.insertLog(typeSparse, false, sparse))
	show("HalfVectors", "Float16Vector of dimension 2: 0001 0203, 0405 0607", flushing.insertLog(typeHalf, false, fixed(4)))
	show("BrainVectors", "BFloat16Vector of dimension 2: as above", compacting.insertLog(typeBrain, false, fixed(4)))
	show("Int8Vectors", "Int8Vector of dimension 4: as above", compacting.insertLog(typeInt8Vector, false, fixed(4)))
	show("DeletedInts", "deletes of 5 at 50, 6 at 60, -7 at 70", deleteLog(intsOf(5, 6, -7), intsOf(50, 60, 70)))
	show("DeletedTexts", "deletes of a at 50, an empty text at 60", deleteLog(textsOf("a", ""), intsOf(50, 60)))
	fmt.Println("\n}  // namespace cdc")
}

func ints(values []int64, valid ...bool) arrow.Array {
	builder := array.NewInt64Builder(memory.DefaultAllocator)
	builder.AppendValues(values, valid)
	return builder.NewArray()
}

func intsOf(values ...int64) arrow.Array { return ints(values) }

func nulls(count int) arrow.Array { return ints(make([]int64, count), make([]bool, count)...) }

func texts(values []string, valid ...bool) arrow.Array {
	builder := array.NewStringBuilder(memory.DefaultAllocator)
	builder.AppendValues(values, valid)
	return builder.NewArray()
}

func textsOf(values ...string) arrow.Array { return texts(values) }

func binaries(values [][]byte, valid ...bool) arrow.Array {
	builder := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
	builder.AppendValues(values, valid)
	return builder.NewArray()
}

// Two values, of the bytes 0, 1, 2, ...
func fixed(width int) arrow.Array {
	builder := array.NewFixedSizeBinaryBuilder(memory.DefaultAllocator, &arrow.FixedSizeBinaryType{ByteWidth: width})
	for row := 0; row < 2; row++ {
		value := make([]byte, width)
		for i := range value {
			value[i] = byte(row*width + i)
		}
		builder.Append(value)
	}
	return builder.NewArray()
}

// A sparse vector: an index and a number, and so on.
func pairs(numbers ...float64) []byte {
	var out []byte
	for i := 0; i < len(numbers); i += 2 {
		out = append(out, packed(uint32(numbers[i]), math.Float32bits(float32(numbers[i+1])))...)
	}
	return out
}

func packed(values ...any) []byte {
	var out bytes.Buffer
	for _, value := range values {
		check(binary.Write(&out, binary.LittleEndian, value))
	}
	return out.Bytes()
}

func show(name, what string, file []byte) {
	fmt.Printf("\n// %s\ninline constexpr std::string_view k%s =\n", what, name)
	const width = 44 // bytes a line
	for at := 0; at < len(file); at += width {
		end := min(at+width, len(file))
		fmt.Printf("    \"%x\"", file[at:end])
		if end == len(file) {
			fmt.Print(";")
		}
		fmt.Println()
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
