// A library that is older than the header: here its version is answered by this program. Nothing is opened
// then.
#include <trakt.hpp>

extern "C" uint32_t trakt_abi_version(void) { return TRAKT_ABI_VERSION - 1; }

int main()
{
    const auto [client, failure] = trakt::Client::open(R"({"client_id":"test"})");
    const bool said = failure.text().find("older than the header") != std::string_view::npos;
    return !client && failure.status() == TRAKT_WRONG_STATE && said ? 0 : 1;
}
