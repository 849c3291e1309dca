#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace cdc {

// gRPC's canonical codes.
enum class StatusCode : int {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// The code's name as gRPC writes it, e.g. "UNAVAILABLE".
std::string_view StatusCodeName(StatusCode code);

// Success, or an error code with a message for people. A value type.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  const std::string& message() const { return message_; }

  // The same error with "context: " before its message; success is returned unchanged.
  Status WithContext(std::string_view context) const;

  // "OK" or "UNAVAILABLE: no route".
  std::string ToString() const;

  bool operator==(const Status&) const = default;

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
};

// Whether the same call may succeed later without anyone intervening.
bool IsRetryable(const Status& status);

inline Status OkStatus() { return {}; }
Status CancelledError(std::string message);
Status InvalidArgumentError(std::string message);
Status NotFoundError(std::string message);
Status AlreadyExistsError(std::string message);
Status FailedPreconditionError(std::string message);
Status OutOfRangeError(std::string message);
Status InternalError(std::string message);
Status UnavailableError(std::string message);
Status DeadlineExceededError(std::string message);
Status DataLossError(std::string message);

// A value or an error, never an OK status. Using `*` or `->` on an error aborts.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(Status status) : state_(std::move(status)) {}  // NOLINT(google-explicit-constructor)
  Result(T value) : state_(std::move(value)) {}         // NOLINT(google-explicit-constructor)

  bool ok() const { return std::holds_alternative<T>(state_); }
  Status status() const { return ok() ? Status() : std::get<Status>(state_); }

  T& operator*() & { return std::get<T>(state_); }
  const T& operator*() const& { return std::get<T>(state_); }
  T&& operator*() && { return std::get<T>(std::move(state_)); }
  T* operator->() { return &std::get<T>(state_); }
  const T* operator->() const { return &std::get<T>(state_); }

 private:
  std::variant<Status, T> state_;
};

namespace internal {
[[noreturn]] void CheckFailed(const char* file,
                              int line,
                              const char* condition,
                              std::string_view detail);
}  // namespace internal

}  // namespace cdc

#define CDC_CONCAT_INNER(a, b) a##b
#define CDC_CONCAT(a, b) CDC_CONCAT_INNER(a, b)

#define CDC_RETURN_IF_ERROR(expression)       \
  do {                                        \
    ::cdc::Status cdc_status_ = (expression); \
    if (!cdc_status_.ok()) {                  \
      return cdc_status_;                     \
    }                                         \
  } while (false)

#define CDC_ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                       \
  if (!result.ok()) {                                               \
    return result.status();                                         \
  }                                                                 \
  declaration = *std::move(result)

#define CDC_ASSIGN_OR_RETURN(declaration, expression) \
  CDC_ASSIGN_OR_RETURN_INNER(CDC_CONCAT(cdc_result_, __LINE__), declaration, expression)

// Aborts and prints the location and the condition. Only for what would be a bug of ours.
#define CDC_CHECK(condition)                                            \
  do {                                                                  \
    if (!(condition)) {                                                 \
      ::cdc::internal::CheckFailed(__FILE__, __LINE__, #condition, ""); \
    }                                                                   \
  } while (false)
