#pragma once

#include <string>

namespace cdc {

// A certificate and its key, as PEM; made anew for each test. It is for the address 127.0.0.1.
struct TestCertificate {
  std::string certificate;
  std::string key;
};

// Signed by `authority`, or by itself and then fit to be an authority.
TestCertificate MakeTestCertificate(const std::string& name,
                                    const TestCertificate* authority = nullptr);

// A key of its own, of another kind than those above. Encrypted unless the password is empty.
std::string MakeTestKey(const std::string& password = "");

}  // namespace cdc
