// Where the files of tests/data lie.
#ifndef TESTS_SUPPORT_TEST_DATA_H_
#define TESTS_SUPPORT_TEST_DATA_H_

#include <string>

namespace g4c {

// TestData("models/linear.onnx") -> the path of that file of tests/data.
inline std::string TestData(const std::string& relative) {
  return std::string(G4C_TEST_DATA) + "/" + relative;
}

}  // namespace g4c

#endif  // TESTS_SUPPORT_TEST_DATA_H_
