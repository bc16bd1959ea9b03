// trakt.hpp: who owns what, what moves, and that nothing is freed or closed twice. It prints nothing when it
// passes.
#include <cstdio>
#include <thread>
#include <type_traits>
#include <vector>

#include <trakt.hpp>

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                             \
            std::abort();                                                                                    \
        }                                                                                                    \
    } while (0)

using namespace std::chrono_literals;
using trakt::Client;
using trakt::Reply;

static_assert(!std::is_copy_constructible_v<Reply> && !std::is_copy_assignable_v<Reply>);
static_assert(!std::is_copy_constructible_v<Client> && !std::is_copy_assignable_v<Client>);
static_assert(std::is_nothrow_move_constructible_v<Reply> && std::is_nothrow_move_assignable_v<Reply>);
static_assert(std::is_nothrow_move_constructible_v<Client> && std::is_nothrow_move_assignable_v<Client>);
static_assert(sizeof(Reply) == sizeof(char *) && sizeof(Client) == sizeof(trakt_client));
static_assert(trakt::detail::milliseconds(-1ms) == 0 && trakt::detail::milliseconds(0ms) == 0);
static_assert(trakt::detail::milliseconds(250ms) == 250 && trakt::detail::milliseconds(2s) == 2000);
static_assert(trakt::detail::milliseconds(std::chrono::hours(24 * 365)) == 4294967295U);
static_assert(trakt::detail::milliseconds((trakt::Wait::max)()) == 4294967295U);

namespace
{

const char *const offline = R"({"client_id":"test","proxy":"","auth_url":"http://127.0.0.1:1",)"
                            R"("api_url":"http://127.0.0.1:1"})";

void replies()
{
    Reply none;
    CHECK(none.status() == -1 && !none && none.text().empty() && none.code() == "unknown");
    CHECK(none.release() == nullptr && *none.c_str() == 0);

    Reply info = trakt::build_info();
    CHECK(info && info.ok() && info.status() == TRAKT_OK && info.code() == "ok");
    CHECK(info.text().substr(0, 20) == R"({"status":0,"data":{)" && info.text() == info.c_str());

    Reply moved = std::move(info);
    CHECK(moved.ok() && info.status() == -1);
    info = std::move(moved);
    CHECK(info.ok() && moved.status() == -1);
    info = trakt::build_info();
    CHECK(info.ok());
    Reply &same = info;
    info = std::move(same);
    CHECK(info.ok());
    char *text = info.release();
    CHECK(text != nullptr && info.status() == -1);
    CHECK(Reply(text).ok());

    std::vector<Reply> many;
    for (int i = 0; i < 20; i++) {
        many.push_back(trakt::build_info());
    }
    CHECK(many.front().ok() && many.back().ok());
}

void clients()
{
    Client none;
    CHECK(!none && none.raw() == 0 && none.close() == 0);
    CHECK(none.account().status() == TRAKT_INVALID_HANDLE);
    none.cancel();

    auto [nothing, why] = Client::open("{}");
    CHECK(!nothing && why.status() == TRAKT_CONFIG && why.code() == "config");
    CHECK(Client::open(nullptr).failure.status() == TRAKT_INVALID_ARGUMENT);

    auto [client, failure] = Client::open(std::string(offline));
    CHECK(client && failure.status() == -1);
    const trakt_client number = client.raw();
    CHECK(client.account().ok());

    Client moved = std::move(client);
    CHECK(moved.raw() == number && !client);
    Client &same = moved;
    moved = std::move(same);
    CHECK(moved.account().ok());
    Client other = Client::open(offline).client;
    const trakt_client others = other.raw();
    other = std::move(moved);
    CHECK(other.raw() == number && Client(others).account().status() == TRAKT_INVALID_HANDLE);
    {
        const Client inner = std::move(other);
        CHECK(inner.account().ok());
    }
    CHECK(Reply(trakt_account(number)).status() == TRAKT_INVALID_HANDLE);

    Client last = Client::open(offline).client;
    const trakt_client released = last.release();
    CHECK(!last && Reply(trakt_account(released)).ok());
    CHECK(Client(released).close(5s) == 0);
}

void calls()
{
    Client client = Client::open(offline).client;
    CHECK(client);
    CHECK(client.device_poll().ok() && client.device_poll(1ms).ok() && client.device_cancel().ok());
    CHECK(client.device_start("[]").status() == TRAKT_INVALID_ARGUMENT);
    CHECK(client.authorize_url("[]").status() == TRAKT_INVALID_ARGUMENT);
    CHECK(client.authorize_finish(nullptr).status() == TRAKT_INVALID_ARGUMENT);
    CHECK(client.get_settings("[]").status() == TRAKT_INVALID_ARGUMENT);
    CHECK(client.check_limit("no.such", 5).ok());
    CHECK(client.check_permission(std::string("no.such")).ok());
    CHECK(client.call("no.such").status() == TRAKT_UNKNOWN_METHOD);
    CHECK(client.call("methods").ok() && client.call("account.get", "{}").ok());
    CHECK(client.submit("no.such").status() == TRAKT_UNKNOWN_METHOD);
    CHECK(client.result(12345).status() == TRAKT_INVALID_ARGUMENT);
    CHECK(client.cancel(12345).status() == TRAKT_INVALID_ARGUMENT);
    CHECK(client.next_events().ok());

    std::vector<std::thread> threads;
    for (int i = 0; i < 8; i++) {
        threads.emplace_back([&client] {
            for (int j = 0; j < 50; j++) {
                CHECK(client.account().ok());
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    CHECK(trakt::shutdown(5s) == 0);
    CHECK(client.account().status() == TRAKT_INVALID_HANDLE);
}

} // namespace

int main()
{
    CHECK(trakt::version() == TRAKT_VERSION_STRING);
    CHECK(trakt::status_name(TRAKT_TLS_CLOCK) == "tls_clock" && trakt::status_name(-5) == "unknown");
    replies();
    clients();
    calls();
    return 0;
}
