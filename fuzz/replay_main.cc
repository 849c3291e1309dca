// Runs a fuzz target over files and folders of files, each once: for builds without libFuzzer.
// The target ends the process where it finds fault; this only says with which file.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "fuzz.h"

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> FilesOf(int count, char** arguments) {
  std::vector<fs::path> files;
  for (int i = 1; i < count; ++i) {
    const fs::path path = arguments[i];
    if (!fs::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    for (const auto& entry : fs::directory_iterator(path)) {
      if (entry.is_regular_file()) {
        files.push_back(entry.path());
      }
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool Replay(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.good() && !file.eof()) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    return false;
  }
  // Flushed before the call, so that the last line names the culprit.
  std::printf("%s (%zu bytes)\n", path.filename().c_str(), text.size());
  std::fflush(stdout);
  // Of exactly this size: a sanitizer sees a read of one byte too many.
  const auto bytes = std::make_unique<uint8_t[]>(text.size());
  std::copy(text.begin(), text.end(), bytes.get());
  LLVMFuzzerTestOneInput(bytes.get(), text.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<fs::path> files = FilesOf(argc, argv);
    if (files.empty()) {
      std::fprintf(stderr, "there are no inputs to replay\n");
      return 1;
    }
    const bool all = std::all_of(files.begin(), files.end(), &Replay);
    std::printf("%zu inputs\n", files.size());
    return all ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
