#include "report.hpp"

#include <cstdio>

#include "sample/model.hpp"
#include "sample/model_info.hpp"

#include "json.hpp"

namespace sample::app {

void Reports::add(const std::string& text) {
  if (!json_) {
    std::fputs(text.c_str(), stdout);
  } else {
    if (count_ == 0) {
      std::printf("{\n  \"model\": %s,\n  \"backend\": %s,\n  \"warning\": %s,\n  \"results\": [\n",
          json_string(kModelName).c_str(), json_string(backend_version()).c_str(),
          json_string(kWeightsWarning).c_str());
    }
    std::printf("%s    %s", count_ == 0 ? "" : ",\n", text.c_str());
  }
  ++count_;
  (void)std::fflush(stdout);  // who reads along gets each answer at once; main() looks for errors
}

void Reports::finish() const {
  if (json_ && count_ > 0) {
    std::printf("\n  ]\n}\n");
  }
}

}  // namespace sample::app
