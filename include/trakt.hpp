// libtrakt for C++17: trakt.h with owners for what has to be closed and freed. Header-only, without
// exceptions and RTTI, and without a JSON library: replies are text that you read with the parser of your
// program.
//
// Licensed under MIT or Apache-2.0, at your option.
//
// What the functions do, their options and replies, how long they wait and which statuses they give is
// written in trakt.h; a member here is named after its function there. Every member function of an open
// client may be called from any thread at any time; opening, moving, closing and destroying the object itself
// is for one thread at a time.
#ifndef TRAKT_HPP
#define TRAKT_HPP

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "trakt.h"

namespace trakt
{

// A reply or another text of the library: freed when it goes out of scope, moved and never copied.
class Reply
{
public:
    // No reply: status() is -1.
    Reply() noexcept = default;
    // Takes over a text that a function of trakt.h returned; NULL is no reply, which means that memory ran
    // out.
    explicit Reply(char *text) noexcept : text_(text) {}
    Reply(const Reply &) = delete;
    Reply &operator=(const Reply &) = delete;
    // Takes the other's text; the other is left without one.
    Reply(Reply &&other) noexcept : text_(std::exchange(other.text_, nullptr)) {}
    // Frees its own text and takes the other's.
    Reply &operator=(Reply &&other) noexcept
    {
        Reply taken(std::move(other));
        std::swap(text_, taken.text_);
        return *this;
    }
    // Wipes and frees the text.
    ~Reply() { trakt_string_free(text_); }

    // The status as in enum trakt_status, or one that a newer library has added; -1 for no reply.
    [[nodiscard]] int32_t status() const noexcept { return trakt_reply_status(text_); }
    // Whether it worked: whether there is `data`.
    [[nodiscard]] bool ok() const noexcept { return status() == TRAKT_OK; }
    // As ok().
    explicit operator bool() const noexcept { return ok(); }
    // The name of the status, such as "ok" or "timeout"; "unknown" for no reply. The text is static.
    [[nodiscard]] std::string_view code() const noexcept { return trakt_status_name(status()); }
    // The whole reply, one line of JSON, empty for no reply. It lives as long as this object holds it.
    [[nodiscard]] std::string_view text() const noexcept { return c_str(); }
    // The same as a C string, never NULL.
    [[nodiscard]] const char *c_str() const noexcept { return text_ != nullptr ? text_ : ""; }
    // Hands the text over to the caller, who gives it to trakt_string_free(); NULL for no reply.
    [[nodiscard]] char *release() noexcept { return std::exchange(text_, nullptr); }

private:
    char *text_ = nullptr;
};

// A parameter that is text: a C string, a std::string, or nullptr for none. Borrowed for the call, never
// copied.
class Text
{
public:
    // No text.
    Text(std::nullptr_t = nullptr) noexcept {}
    // UTF-8 with a NUL at its end; NULL is no text.
    Text(const char *text) noexcept : text_(text) {}
    // UTF-8; a NUL inside ends it.
    Text(const std::string &text) noexcept : text_(text.c_str()) {}
    // The C string, or NULL.
    [[nodiscard]] const char *c_str() const noexcept { return text_; }

private:
    const char *text_ = nullptr;
};

// How long a call may wait: less than 0 counts as 0, more than 49 days as 49 days.
using Wait = std::chrono::milliseconds;

namespace detail
{
// The number for the functions of trakt.h.
constexpr uint32_t milliseconds(Wait wait) noexcept
{
    constexpr uint32_t longest = (std::numeric_limits<uint32_t>::max)();
    if (wait.count() <= 0) {
        return 0;
    }
    return wait.count() < longest ? static_cast<uint32_t>(wait.count()) : longest;
}
} // namespace detail

struct Opened;

// A client: closed when it goes out of scope, moved and never copied.
class Client
{
public:
    // No client: every call on it replies `invalid_handle`.
    Client() noexcept = default;
    // Takes over a client that trakt_client_open() returned; 0 is no client.
    explicit Client(trakt_client client) noexcept : client_(client) {}
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;
    // Takes the other's client; the other is left without one.
    Client(Client &&other) noexcept : client_(other.release()) {}
    // Closes its own client as the destructor does, and takes the other's.
    Client &operator=(Client &&other) noexcept
    {
        if (this != &other) {
            (void)close();
            client_ = other.release();
        }
        return *this;
    }
    // Closes the client without waiting. What it still does goes on as long as the process does: at the end
    // of a program call close() with a second or two, so that no answer is lost.
    ~Client() { (void)close(); }

    // Opens a client with a configuration as trakt_client_open() describes it, and says why it failed if it
    // did. A library that is older than this header is `wrong_state`. Waits at most 250 ms, and never for the
    // network.
    [[nodiscard]] static Opened open(Text config_json) noexcept;

    // Whether there is a client.
    explicit operator bool() const noexcept { return client_ != 0; }
    // The number for the functions of trakt.h; 0 for none.
    [[nodiscard]] trakt_client raw() const noexcept { return client_; }
    // Hands the client over to the caller, who gives it to trakt_client_close(); 0 for none.
    [[nodiscard]] trakt_client release() noexcept { return std::exchange(client_, 0); }

    // Frees every waiter at once, then waits for the client's work; returns how much of it still runs.
    uint32_t close(Wait wait = Wait(0)) noexcept
    {
        return trakt_client_close(release(), detail::milliseconds(wait));
    }
    // Ends the calls that now run; the client stays usable.
    void cancel() const noexcept { trakt_client_cancel(client_); }

    // Starts a login by device code.
    [[nodiscard]] Reply device_start(Text options_json = nullptr) const noexcept
    {
        return Reply(trakt_device_start(client_, options_json.c_str()));
    }
    // Takes the login a step on and tells how it stands; waits at most that long for it to change.
    [[nodiscard]] Reply device_poll(Wait wait = Wait(0)) const noexcept
    {
        return Reply(trakt_device_poll(client_, detail::milliseconds(wait)));
    }
    // Gives the login up.
    [[nodiscard]] Reply device_cancel() const noexcept { return Reply(trakt_device_cancel(client_)); }

    // Begins a login in the user's browser.
    [[nodiscard]] Reply authorize_url(Text options_json = nullptr) const noexcept
    {
        return Reply(trakt_authorize_url(client_, options_json.c_str()));
    }
    // Ends a login in the user's browser with the URL that it was sent to.
    [[nodiscard]] Reply authorize_finish(Text redirected_url) const noexcept
    {
        return Reply(trakt_authorize_finish(client_, redirected_url.c_str()));
    }

    // How the account stands, without asking Trakt.
    [[nodiscard]] Reply account() const noexcept { return Reply(trakt_account(client_)); }
    // The user's settings at Trakt, from the store while they are fresh.
    [[nodiscard]] Reply get_settings(Text options_json = nullptr) const noexcept
    {
        return Reply(trakt_get_settings(client_, options_json.c_str()));
    }
    // Whether one more would still be within a limit of the account, such as "list.count".
    [[nodiscard]] Reply check_limit(Text limit, uint64_t have) const noexcept
    {
        return Reply(trakt_check_limit(client_, limit.c_str(), have));
    }
    // Whether the account may do something, such as "commenting".
    [[nodiscard]] Reply check_permission(Text permission) const noexcept
    {
        return Reply(trakt_check_permission(client_, permission.c_str()));
    }
    // Takes the account's link back, and forgets everything personal.
    [[nodiscard]] Reply unlink() const noexcept { return Reply(trakt_unlink(client_)); }

    // Tells what a player does, as trakt_player_event() describes it; never waits.
    [[nodiscard]] Reply player_event(Text event_json) const noexcept
    {
        return Reply(trakt_player_event(client_, event_json.c_str()));
    }

    // Calls a method by its name and waits for its reply.
    [[nodiscard]] Reply call(Text method, Text params_json = nullptr) const noexcept
    {
        return Reply(trakt_call(client_, method.c_str(), params_json.c_str()));
    }
    // Calls a method by its name and doesn't wait: the reply has the number of the request.
    [[nodiscard]] Reply submit(Text method, Text params_json = nullptr) const noexcept
    {
        return Reply(trakt_submit(client_, method.c_str(), params_json.c_str()));
    }
    // The reply to a submitted request, handed out once; waits at most that long for it.
    [[nodiscard]] Reply result(uint64_t request, Wait wait = Wait(0)) const noexcept
    {
        return Reply(trakt_result(client_, request, detail::milliseconds(wait)));
    }
    // Ends one submitted request, also before it runs.
    [[nodiscard]] Reply cancel(uint64_t request) const noexcept
    {
        return Reply(trakt_cancel(client_, request));
    }
    // What has happened since the last call; waits at most that long for something.
    [[nodiscard]] Reply next_events(Wait wait = Wait(0)) const noexcept
    {
        return Reply(trakt_next_events(client_, detail::milliseconds(wait)));
    }

private:
    trakt_client client_ = 0;
};

// What Client::open() gives: `auto [client, failure] = trakt::Client::open(config);`
struct Opened {
    // The client; none if it failed.
    Client client;
    // Why it failed; no reply if it didn't.
    Reply failure;
};

inline Opened Client::open(Text config_json) noexcept
{
    if (trakt_abi_version() < TRAKT_ABI_VERSION) {
        constexpr std::string_view older =
            R"({"status":6,"error":{"code":"wrong_state","message":"the libtrakt that was loaded is older than )"
            R"(the header that this program was compiled with","retryable":false}})";
        auto *text = static_cast<char *>(std::calloc(1, older.size() + 1));
        if (text != nullptr) {
            std::memcpy(text, older.data(), older.size());
        }
        return {Client(), Reply(text)};
    }
    char *failure = nullptr;
    const trakt_client client = trakt_client_open(config_json.c_str(), &failure);
    return {Client(client), Reply(failure)};
}

// The library's version, such as "0.1.0".
[[nodiscard]] inline std::string_view version() noexcept { return trakt_version(); }

// How the library was built, for a bug report.
[[nodiscard]] inline Reply build_info() noexcept { return Reply(trakt_build_info()); }

// The name of a status, such as "timeout"; "unknown" for a number that the library doesn't have.
[[nodiscard]] inline std::string_view status_name(int32_t status) noexcept
{
    return trakt_status_name(status);
}

// Closes every client of this process: only for its owner, on the way out. Returns how much work still runs.
inline uint32_t shutdown(Wait wait) noexcept { return trakt_shutdown(detail::milliseconds(wait)); }

} // namespace trakt

#endif // TRAKT_HPP
