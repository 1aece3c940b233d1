#include "app/reloading.hpp"

#include "config/setting.hpp"

namespace cenote::app {

std::string differences(const settings& before, const settings& after) {
  std::string result;
  auto add = [&result](const std::string& x) { result += (result.empty() ? "" : ", ") + x; };
  for (auto& x : config::table())
    if (auto was = config::format(x, before), is = config::format(x, after); was != is)
      add(x.key + " " + was + " -> " + is);
  if (!(before.server == after.server))
    add("how connections are made");
  return result;
}

} // namespace cenote::app
