#include "events/event_fields.h"

#include <algorithm>
#include <utility>

#include "events/connect_schema.h"
#include "events/field_value.h"

namespace cdc {
namespace {

bool IsColumnOf(const Column& column, const Field& field) {
  if (field.is_dynamic || column.is_dynamic) {
    return field.is_dynamic && column.is_dynamic;
  }
  const bool by_id = column.field.value > 0 && field.id.value > 0;
  return by_id ? column.field == field.id : column.name == field.name;
}

Field DynamicField() {
  Field field;
  field.name = kDynamicField;
  field.type = DataType::kJson;
  field.is_dynamic = true;
  return field;
}

bool IsLeftOut(const Field& field, VectorFormat vectors) {
  // A function's output is computed where it is needed: the log does not have it.
  return !field.is_primary_key &&
         (field.is_function_output || (vectors == VectorFormat::kNone && IsVector(field.type)));
}

}  // namespace

EventFields FieldsOf(const Schema& schema, VectorFormat vectors) {
  EventFields fields;
  for (const Field& field : schema.fields) {
    (IsLeftOut(field, vectors) ? fields.left_out : fields.shown).push_back(field);
  }
  if (schema.enable_dynamic_field) {
    fields.shown.push_back(DynamicField());
  }
  return fields;
}

const Column* FindColumnOf(const Field& field, const Message& message, size_t likely_index) {
  const std::vector<Column>& columns = message.columns;
  if (likely_index < columns.size() && IsColumnOf(columns[likely_index], field)) {
    return &columns[likely_index];
  }
  const auto found = std::find_if(columns.begin(), columns.end(), [&field](const Column& column) {
    return IsColumnOf(column, field);
  });
  return found == columns.end() ? nullptr : &*found;
}

const Column* FindUnknownColumn(const EventFields& fields, const Message& message) {
  const auto is_unknown = [&fields](const Column& column) {
    const auto is_of = [&column](const Field& field) { return IsColumnOf(column, field); };
    return std::none_of(fields.shown.begin(), fields.shown.end(), is_of) &&
           std::none_of(fields.left_out.begin(), fields.left_out.end(), is_of);
  };
  const auto found = std::find_if(message.columns.begin(), message.columns.end(), is_unknown);
  return found == message.columns.end() ? nullptr : &*found;
}

}  // namespace cdc
